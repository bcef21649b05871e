import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importEnvironment } from '../../../src/migrate/import-env.js';
import { carriedNames } from '../../../src/migrate/import-context.js';
import { activeKeyOf } from '../../../src/feedback/feedback-settings.js';
import { createWorkspace, fixtures, loaded, type Workspace } from '../config/workspace.js';

const gateway = readFileSync(join(fixtures, 'good', 'gateway.env'), 'utf8');
/** The secret half of the gateway's request key: RFC 8032, section 7.1, test 1. */
const requestSeed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
let workspace: Workspace;
beforeEach(() => {
  workspace = createWorkspace();
});
afterEach(() => workspace.remove());

function runImport(text: string) {
  return importEnvironment(text, { file: join(workspace.directory, '.env') });
}

function imported(text: string) {
  const result = runImport(text);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return { ...result, configuration: loaded(workspace.load(result.yaml)) };
}

/** The environment with one variable set to another value, or removed. */
function gatewayWith(name: string, value: string | undefined): string {
  const rest = gateway.split('\n').filter((line) => !line.startsWith(`${name}=`));
  return [...rest, ...(value === undefined ? [] : [`${name}=${value}`])].join('\n');
}

describe('importing the environment of the gateway', () => {
  test('gives a configuration that the loader accepts, with everything that could be carried over', () => {
    const { snapshot, settings, warnings } = imported(gateway).configuration;
    expect([...snapshot.identities.keys()]).toEqual(['producer-a', 'spiffe://example.org/b']);
    const producer = snapshot.identities.get('producer-a')!;
    expect(producer.pins[0]).toMatchObject({ kind: 'certificate', sha256: 'a'.repeat(64) });
    expect(producer.keys.map(({ kid, purposes }) => [kid, purposes])).toEqual([
      ['default', ['request']],
      ['federation', ['bundle']],
    ]);
    expect([...snapshot.operators.entries()]).toEqual(
      expect.arrayContaining([['007', '22222222-2222-4222-8222-222222222222']]),
    );
    expect(settings.nonces).toMatchObject({ store: 'redis' });
    const telemetry = snapshot.policies.get('telemetry')!;
    expect(telemetry).toMatchObject({
      freshness: { pastSkewSeconds: 30, futureSkewSeconds: 30 },
      rateLimit: { group: 'default', perMinute: 90 },
    });
    expect(telemetry.kind === 'signed' && [...telemetry.body!.schemaVersions!]).toEqual(['1.0', '1.1']);
    expect(warnings.map((warning) => warning.message).join('\n')).toContain(
      'has the same key as "producer-a"',
    );
  });

  test('never repeats a secret, in YAML or notes', () => {
    const { yaml, notes } = imported(gateway);
    const output = yaml + JSON.stringify(notes);
    expect(output).not.toContain('hunter2');
    expect(output).not.toContain('nWGxne');
  });

  test.each([
    ['VV_TG_REDIS_URL', 'has a password, which is not written here'],
    ['VV_TG_ALLOWED_SCHEMA_VERSION', 'gives way to VV_TG_ALLOWED_SCHEMA_VERSIONS'],
    ['VV_TG_SPECTRASTRIKE_ED25519_PUBKEY', 'one key for all identities'],
    ['VV_TG_QUEUE_BACKEND', 'skipped'],
    ['VV_TG_NATS_URL', 'skipped'],
    ['VV_TG_QUEUE_SUBJECT', 'skipped'],
    ['VV_TG_DLQ_SUBJECT', 'skipped'],
    ['VV_TG_FAIL_ON_PERSISTENCE_ERROR', 'skipped'],
    ['VV_TAMPER_LOG_KEY', 'skipped'],
    ['VV_SERVICE_IDENTITY_FILE', 'skipped'],
    ['VV_DB_PASSWORD', 'skipped'],
    ['VV_TG_SOMETHING_NEW', 'not known here'],
    ['', 'ids with a dot, colon, slash or space'],
  ])('names %s as not carried over, or carried over otherwise: %s', (variable, message) => {
    const told = imported(gateway).notes.filter((note) => note.variable === variable);
    expect(told.map((note) => note.message).join('\n')).toContain(message);
  });

  test('says nothing of variables that are not of the gateway', () => {
    expect(imported(gateway).notes.map((note) => note.variable)).not.toContain('PATH');
  });

  describe('feedback keys', () => {
    const keysName = 'VV_TG_FEEDBACK_ED25519_KEYS_JSON';
    const withKeys = (keys: object) =>
      gatewayWith(keysName, JSON.stringify(keys)).replace(/^VV_TG_FEEDBACK_ACTIVE_KID=.*$/m, '');
    const writeKey = (name: string, content: Uint8Array | string, mode = 0o600) =>
      writeFileSync(join(workspace.directory, name), content, { mode });
    const notesOf = (text: string) =>
      imported(text)
        .notes.filter(({ variable }) => variable.startsWith('VV_TG_FEEDBACK'))
        .map(({ message }) => message);

    test('are carried over with the active one, from files of 32 raw bytes and of PKCS#8', () => {
      writeKey('raw.key', randomBytes(32));
      writeKey('new.pem', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }));
      const text = `${withKeys({ default: 'raw.key', 'fb-2': 'new.pem' })}\nVV_TG_FEEDBACK_ACTIVE_KID=default`;
      const { snapshot } = imported(text).configuration;
      expect(snapshot.feedback?.defaultDomain).toMatchObject({
        keys: [{ kid: 'default' }, { kid: 'fb-2' }],
        activeKid: 'default',
      });
      expect(snapshot.policies.get('feedback')).toMatchObject({ answer: 'signed_feedback' });
      expect(notesOf(text)).toEqual([]);
    });

    test('sign with the last one, and say so, where the environment names none', () => {
      writeKey('a.key', randomBytes(32));
      writeKey('b.key', randomBytes(32));
      const text = withKeys({ a: 'a.key', b: 'b.key' });
      expect(notesOf(text)).toEqual(['is not set: the last of the keys signs']);
      const { feedback } = imported(text).configuration.snapshot;
      expect(activeKeyOf(feedback!.defaultDomain, Date.now())?.kid).toBe('b');
    });

    test('become comments as long as one of them is open to others, with how to close it', () => {
      writeKey('good.key', randomBytes(32));
      writeKey('open.key', randomBytes(32));
      const open = join(workspace.directory, 'open.key');
      chmodSync(open, 0o644);
      const text = withKeys({ good: 'good.key', open: 'open.key' });
      const { configuration, yaml } = imported(text);
      expect(notesOf(text).join('\n')).toMatch(/mode 0644.*chmod 600 .*open\.key\n/);
      expect(configuration.snapshot.feedback).toBeUndefined();
      expect(configuration.snapshot.policies.get('feedback')).toMatchObject({ answer: 'as_is' });
      chmodSync(open, 0o600);
      const uncommented = yaml.replace(/^# (feedback:| )/gm, '$1').replace(', answer: { signed: false }', '');
      expect(loaded(workspace.load(uncommented)).snapshot.feedback?.defaultDomain.keys).toHaveLength(2);
    });

    test.each<[string, Record<string, string>, string]>([
      ['a file that is missing', { k: 'absent.pem' }, 'does not exist'],
      [
        'a key in the place of a file',
        { k: 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=' },
        'the key itself',
      ],
      ['the key of the requests', { k: 'request.key' }, 'make one for feedback alone'],
      ['a file that holds no key', { k: 'text.key' }, 'cannot be used'],
      ['an id that cannot be one', { 'k|1': 'good.key' }, 'rename it'],
    ])('are not carried over with %s', (_, keys, message) => {
      writeKey('good.key', randomBytes(32));
      writeKey('text.key', 'no key\n');
      writeKey('request.key', Buffer.from(requestSeed, 'hex'));
      const { yaml, configuration } = imported(withKeys(keys));
      expect(notesOf(withKeys(keys)).join('\n')).toContain(message);
      expect(configuration.snapshot.feedback).toBeUndefined();
      expect(yaml).not.toContain('nWGxne');
    });

    test('are said to be missing where the environment has none', () => {
      expect(notesOf(gatewayWith(keysName, undefined)).join('\n')).toContain('gives no key');
    });

    test('are not carried over without the active one', () => {
      writeKey('good.key', randomBytes(32));
      const text = `${withKeys({ k: 'good.key' })}\nVV_TG_FEEDBACK_ACTIVE_KID=other`;
      expect(notesOf(text).join('\n')).toContain('is the id of no key file');
      expect(imported(text).configuration.snapshot.feedback).toBeUndefined();
    });
  });

  test('gives every identity one key for both purposes where bundles have none of their own', () => {
    const text = gatewayWith('VV_FEDERATION_SPECTRASTRIKE_ED25519_PUBKEY', undefined);
    const identities = [...imported(text).configuration.snapshot.identities.values()];
    expect(identities.map((identity) => identity.keys.map((key) => [key.kid, key.purposes]))).toEqual([
      [['default', ['request', 'bundle']]],
      [['default', ['request', 'bundle']]],
    ]);
  });

  test('takes the defaults of the gateway where a variable is absent', () => {
    const names = ['IDENTITIES_JSON', 'TENANT_MAP', 'TG_SPECTRASTRIKE', 'SCHEMA_VERSION='];
    const text = gateway.split('\n').filter((line) => names.some((name) => line.includes(name)));
    const { snapshot } = imported(text.join('\n')).configuration;
    expect(snapshot.policies.get('telemetry')).toMatchObject({
      freshness: { pastSkewSeconds: 30, futureSkewSeconds: 30 },
      rateLimit: { perMinute: 120 },
    });
    expect(snapshot.policies.get('graph')).toMatchObject({ rateLimit: { group: 'graph', perMinute: 120 } });
  });

  test.each([
    ['a JSON array', '["1.0","2.0"]', ['1.0', '2.0']],
    ['CSV', '1.0 ,2.0,', ['1.0', '2.0']],
  ])('reads schema versions written as %s', (_, value, versions) => {
    const policy = imported(gatewayWith('VV_TG_ALLOWED_SCHEMA_VERSIONS', value)).configuration.snapshot
      .policies;
    const telemetry = policy.get('telemetry')!;
    expect(telemetry.kind === 'signed' && [...telemetry.body!.schemaVersions!]).toEqual(versions);
  });

  test('takes any schema version where the gateway does not enforce one', () => {
    const { configuration } = imported(gatewayWith('VV_TG_ENFORCE_SCHEMA_VERSION', '0'));
    expect(configuration.snapshot.policies.get('telemetry')).toMatchObject({
      body: { schemaVersions: undefined },
    });
  });

  describe('Redis', () => {
    const urlName = 'VV_TG_REDIS_URL';
    const redisOf = (url: string) => {
      const { nonces } = imported(gatewayWith(urlName, url)).configuration.settings;
      return nonces.store === 'redis' ? nonces.redis : undefined;
    };

    test('is carried over with address, database, user and TLS', () => {
      expect(redisOf('rediss://gate:hunter2@[::1]:6380/3')).toMatchObject({
        deployment: { kind: 'standalone', address: { host: '::1', port: 6380 } },
        database: 3,
        username: 'gate',
        password: undefined,
        tls: { authority: undefined },
      });
      expect(redisOf('redis://redis')).toMatchObject({
        deployment: { address: { host: 'redis', port: 6379 } },
        database: 0,
        tls: undefined,
      });
    });

    test.each([
      [
        'VV_TG_RATE_LIMIT_BACKEND',
        gatewayWith('VV_TG_RATE_LIMIT_BACKEND', 'memory'),
        'in the Redis of the nonces',
      ],
      ['VV_TG_RATE_LIMIT_BACKEND', gatewayWith('VV_TG_NONCE_BACKEND', 'memory'), 'counts for itself'],
      [urlName, gatewayWith('VV_TG_NONCE_BACKEND', 'memory'), 'not used'],
      [urlName, gatewayWith(urlName, 'rediss://redis?ssl_cert_reqs=none'), 'parameters'],
    ])('has a note on %s where its part changes', (variable, text, message) => {
      const told = imported(text).notes.filter((note) => note.variable === variable);
      expect(told.map((note) => note.message).join()).toContain(message);
    });
  });

  test('reads quoted values, export and CRLF', () => {
    const text = gateway
      .replace('VV_TG_NONCE_TTL_SECONDS=120', `export VV_TG_NONCE_TTL_SECONDS="61"`)
      .replaceAll('\n', '\r\n');
    expect(imported(text).yaml).toContain('retentionSeconds: 61');
  });

  test.each<[string, string, string | undefined, string, string]>([
    ['mutual TLS switched off', 'VV_TG_REQUIRE_MTLS', '0', 'is off', 'no mode without proof'],
    [
      'signatures switched off',
      'VV_TG_REQUIRE_PAYLOAD_SIGNATURE',
      'false',
      'is off',
      'no mode without proof',
    ],
    ['a blank switch', 'VV_TG_REQUIRE_PAYLOAD_SIGNATURE', '', 'is off', 'no mode without proof'],
    ['a replayable second', 'VV_TG_NONCE_TTL_SECONDS', '60', 'can be replayed', 'at least 61'],
    ['a skew over our bound', 'VV_TG_ALLOWED_CLOCK_SKEW_SECONDS', '301', 'out of range', 'from 0 to 300'],
    ['a skew with a unit', 'VV_TG_ALLOWED_CLOCK_SKEW_SECONDS', '30s', 'no whole number', 'from 0 to 300'],
    ['a negative limit', 'VV_TG_RATE_LIMIT_PER_MINUTE', '-1', 'no whole number', 'from 0'],
    ['an unknown nonce backend', 'VV_TG_NONCE_BACKEND', 'etcd', 'neither redis nor memory', 'remove it'],
    ['an unknown limit backend', 'VV_TG_RATE_LIMIT_BACKEND', 'etcd', 'neither redis nor memory', 'remove it'],
    ['a Redis without its address', 'VV_TG_REDIS_URL', undefined, 'is not set', 'redis://host:port'],
    [
      'a Redis behind a socket',
      'VV_TG_REDIS_URL',
      'unix:///run/redis',
      'names no Redis',
      'redis://host:port',
    ],
    ['a database that is a word', 'VV_TG_REDIS_URL', 'redis://a/b', 'names no Redis', 'redis://host:port'],
    ['no identities', 'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON', undefined, 'is not set', 'fingerprint'],
    [
      'identities that are no JSON',
      'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON',
      '{a}',
      'is not JSON',
      'one line of JSON',
    ],
    [
      'identities in a list',
      'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON',
      '[]',
      'not a JSON object',
      'one line of JSON',
    ],
    [
      'an identity twice',
      'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON',
      `{"a":"${'a'.repeat(64)}","a":"${'b'.repeat(64)}"}`,
      'a member twice',
      'one line of JSON',
    ],
    [
      'an identity of a hundred thousand lists, hidden behind another of its name',
      'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON',
      `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)},"a":"${'a'.repeat(64)}"}`,
      'is not plain JSON',
      'one line of JSON',
    ],
    [
      'an identity without a fingerprint',
      'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON',
      '{"a":"abc"}',
      'no SHA-256 for "a"',
      'countersign fingerprint',
    ],
    [
      'an identity that is no name',
      'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON',
      `{"a b":"${'a'.repeat(64)}"}`,
      'no name here: "a b"',
      'rename it',
    ],
    [
      'a number as fingerprint',
      'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON',
      '{"a":1}',
      'something else than text',
      'one line of JSON',
    ],
    ['no operators', 'VV_TG_OPERATOR_TENANT_MAP', undefined, 'is not set', 'tenant UUID'],
    [
      'a tenant that is no UUID',
      'VV_TG_OPERATOR_TENANT_MAP',
      '{"a":"tenant"}',
      'no tenant UUID for "a"',
      'UUID',
    ],
    [
      'an operator outside ASCII',
      'VV_TG_OPERATOR_TENANT_MAP',
      '{"é":"11111111-1111-4111-8111-111111111111"}',
      'cannot be a header value',
      'rename it',
    ],
    [
      'an operator called __proto__',
      'VV_TG_OPERATOR_TENANT_MAP',
      '{"__proto__":"11111111-1111-4111-8111-111111111111"}',
      'cannot be a header value',
      'rename it',
    ],
    ['no key', 'VV_TG_SPECTRASTRIKE_ED25519_PUBKEY', undefined, 'is not set', 'public key'],
    [
      'a key of small order',
      'VV_TG_SPECTRASTRIKE_ED25519_PUBKEY',
      'AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
      'small order',
      'base64',
    ],
    ['a short bundle key', 'VV_FEDERATION_SPECTRASTRIKE_ED25519_PUBKEY', 'c2hvcnQ=', '32 bytes', 'base64'],
    ['a blank bundle key', 'VV_FEDERATION_SPECTRASTRIKE_ED25519_PUBKEY', '', 'is blank', 'remove the line'],
    [
      'schema versions that are no list',
      'VV_TG_ALLOWED_SCHEMA_VERSIONS',
      '["1.0"',
      'no list of schema versions',
      '1.0,1.1',
    ],
  ])('refuses %s', (_, variable, value, message, remedy) => {
    const result = runImport(gatewayWith(variable, value));
    const problem = result.ok ? undefined : result.problems.find(({ path }) => path === variable);
    expect(problem?.message).toContain(message);
    expect(problem?.remedy).toContain(remedy);
  });

  /** What loaders of `.env` files disagree on is a problem with its line, and one alone. */
  describe('refuses what loaders read differently:', () => {
    const enforce = 'VV_TG_ENFORCE_SCHEMA_VERSION';
    const versions = 'VV_TG_ALLOWED_SCHEMA_VERSIONS';
    const problemsOf = (line: string, name?: string) => {
      const base = name === undefined ? gateway.trimEnd() : gatewayWith(name, undefined).trimEnd();
      const result = runImport(`${base}\n${line}\nVV_DB_LAST=1`);
      return { result, line: base.split('\n').length + 1 };
    };

    test.each<[string, string, string, RegExp]>([
      ['a switch with a comment', enforce, '1   # strict', /comment/],
      ['a switch with a comment behind a tab', enforce, '1\t# strict', /comment/],
      ['a value that is a comment', enforce, '# strict', /comment/],
      ['a list with a comment', versions, '1.0,1.1 # old, new', /comment/],
      [
        'JSON with " #" in it',
        'VV_TG_OPERATOR_TENANT_MAP',
        '{"a #1": "11111111-1111-4111-8111-111111111111"}',
        /comment/,
      ],
      ['a quote that is not closed', enforce, '"1', /not closed/],
      ['a single quote that is not closed', enforce, "'1", /not closed/],
      ['a quote at the end', enforce, '1"', /stray quote/],
      ['two pairs of quotes', versions, '"1.0","1.1"', /stray quote/],
      ['quotes of two kinds', enforce, `"1'`, /not closed/],
      ['quotes in quotes', 'VV_TG_OPERATOR_TENANT_MAP', '"{"a": "b"}"', /stray quote/],
      ['an escape in quotes', versions, '"1.0\\n"', /escape/],
      ['a continuation line', versions, '1.0,\\', /join the next line/],
      ['white space behind the value', enforce, '1 ', /white space/],
      ['a tab before the value', enforce, '\t1', /white space/],
      ['white space that is not ASCII', enforce, '1\u00a0', /not ASCII/],
      ['a byte-order mark in the middle', enforce, '\ufeff1', /not ASCII/],
      ['a control character', enforce, '1\u0008', /control character/],
      ['another variable', enforce, '\${STRICT}', /"\$"/],
      ['a second assignment on the line', enforce, '1 VV_TG_REQUIRE_MTLS=0', /second assignment/],
      ['a switch that is a letter', enforce, 'y', /neither a known yes nor a known no/],
      ['a switch that is a word', enforce, 'enabled', /neither a known yes nor a known no/],
      ['a switch that is a float', enforce, '1.0', /neither a known yes nor a known no/],
      ['white space inside quotes', enforce, '" 1 "', /neither a known yes nor a known no/],
      ['a blank switch', enforce, '', /is blank/],
      ['a proof that is switched on in other words', 'VV_TG_REQUIRE_MTLS', 'required', /neither a known yes/],
      ['versions behind semicolons', versions, '1.0;1.1', /no list of schema versions/],
      ['versions behind spaces', versions, '1.0 1.1', /no list of schema versions/],
      ['half a JSON array', versions, '1.0,[1.1]', /no list of schema versions/],
      ['a number with a sign', 'VV_TG_NONCE_TTL_SECONDS', '+120', /no whole number/],
      ['a number with a point', 'VV_TG_NONCE_TTL_SECONDS', '120.0', /no whole number/],
      ['a number in another base', 'VV_TG_NONCE_TTL_SECONDS', '0x78', /no whole number/],
      ['a number with a comment', 'VV_TG_RATE_LIMIT_PER_MINUTE', '0 # none', /comment/],
    ])('%s', (_title, name, value, message) => {
      const { result, line } = problemsOf(`${name}=${value}`, name);
      expect(result.ok ? [] : result.problems).toEqual([
        expect.objectContaining({ path: name, line, message: expect.stringMatching(message) as string }),
      ]);
    });

    test.each<[string, string, string, RegExp]>([
      [
        'a name in small letters',
        'vv_tg_enforce_schema_version=0',
        'vv_tg_enforce_schema_version',
        /not in capitals/,
      ],
      ['a name in other capitals', 'Vv_Tg_Require_Mtls=0', 'Vv_Tg_Require_Mtls', /not in capitals/],
      ['white space before the equals sign', 'VV_TG_REQUIRE_MTLS =1', 'VV_TG_REQUIRE_MTLS', /white space/],
      ['a name without a value', 'VV_TG_REQUIRE_MTLS', '', /no NAME=value line/],
      ['a name with a colon', 'VV_TG_REQUIRE_MTLS: 0', '', /no NAME=value line/],
      ['an open quote of a foreign variable', 'PS1="abc', 'PS1', /not closed/],
      ['a continuation of a foreign variable', 'CPATH=/usr/bin:\\', 'CPATH', /join the next line/],
      ['a carriage return in a comment', '# note\rVV_TG_REQUIRE_MTLS=0', '', /line end inside/],
      ['a form feed', 'CPATH=/a\fVV_TG_REQUIRE_MTLS=0', '', /line end inside/],
      ['a NUL', 'CPATH=/a\u0000', '', /NUL/],
    ])('%s', (_title, text, path, message) => {
      const { result, line } = problemsOf(text);
      expect(result.ok ? [] : result.problems).toContainEqual(
        expect.objectContaining({ path, line, message: expect.stringMatching(message) as string }),
      );
    });

    test('a byte-order mark before the first name', () => {
      const result = runImport(`\ufeff${gateway}`);
      expect(result.ok ? [] : result.problems).toEqual([
        expect.objectContaining({ line: 1, message: expect.stringContaining('byte-order mark') as string }),
      ]);
    });

    test('the first of two assignments, although the second is plain', () => {
      const { result, line } = problemsOf(`${enforce}=1 # strict\n${enforce}=1`, enforce);
      expect(result.ok ? [] : result.problems).toContainEqual(
        expect.objectContaining({ path: enforce, line }),
      );
    });

    test('and never says what the value was', () => {
      const result = runImport(gatewayWith('VV_TG_REDIS_URL', 'redis://:hunter2@redis:6379/0 # pass'));
      expect(result.ok).toBe(false);
      expect(JSON.stringify(result)).not.toContain('hunter2');
    });
  });

  test.each([
    ['quotes around the whole, with a "#" inside', 'VV_TG_NATS_URL', '"a # b"'],
    [
      'single quotes around JSON',
      'VV_TG_OPERATOR_TENANT_MAP',
      `'{"a": "11111111-1111-4111-8111-111111111111"}'`,
    ],
    ['an apostrophe in a foreign value', 'GREETING', "it's"],
    ['off in other words', 'VV_TG_ENFORCE_SCHEMA_VERSION', 'Off'],
    ['on in quotes', 'VV_TG_ENFORCE_SCHEMA_VERSION', '"YES"'],
  ])('takes what all loaders read alike: %s', (_title, name, value) => {
    expect(runImport(gatewayWith(name, value)).ok).toBe(true);
  });

  test('refuses a variable that is set twice to different values, with the line of the later one', () => {
    const result = runImport(`${gateway}\nVV_TG_NONCE_TTL_SECONDS=90\n`);
    expect(result.ok ? [] : result.problems).toEqual([
      expect.objectContaining({
        path: 'VV_TG_NONCE_TTL_SECONDS',
        line: 30,
        message: 'is set twice, to different values',
      }),
    ]);
  });

  test.each(['300 and 30', '30 and 60', '0 and 0'])(
    'refuses the skew and retention %s, which leave a replayable second',
    (pair) => {
      const [skew, ttl] = pair.split(' and ');
      const text = gatewayWith('VV_TG_ALLOWED_CLOCK_SKEW_SECONDS', skew).replace(
        'TTL_SECONDS=120',
        `TTL_SECONDS=${ttl}`,
      );
      expect(runImport(text).ok).toBe(false);
    },
  );

  test.each(carriedNames)('meets garbage in %s with problems or a configuration that loads', (name) => {
    for (const garbage of ['\u0000]{"', '{"a":{}}', '"', '=', '9'.repeat(400)]) {
      const result = runImport(gatewayWith(name, garbage));
      if (result.ok) loaded(workspace.load(result.yaml));
      else expect(result.problems.length).toBeGreaterThan(0);
    }
  });
});
