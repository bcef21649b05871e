import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importEnvironment } from '../../../src/config/import-env.js';
import { carriedNames } from '../../../src/config/import-names.js';
import { createWorkspace, fixtures, loaded, type Workspace } from './workspace.js';

const gateway = readFileSync(join(fixtures, 'good', 'gateway.env'), 'utf8');
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
    expect(settings.nonces).toMatchObject({ store: 'lmdb' });
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
    ['VV_TG_NONCE_BACKEND', 'lmdb is chosen'],
    ['VV_TG_RATE_LIMIT_BACKEND', 'every process counts for itself'],
    ['VV_TG_REDIS_URL', 'not carried over'],
    ['VV_TG_ALLOWED_SCHEMA_VERSION', 'gives way to VV_TG_ALLOWED_SCHEMA_VERSIONS'],
    ['VV_TG_SPECTRASTRIKE_ED25519_PUBKEY', 'one key for all identities'],
    ['VV_TG_FEEDBACK_ACTIVE_KID', 'not carried over'],
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

  test('tells how to close a feedback key that others can read, and notes an inline one without showing it', () => {
    const file = join(workspace.directory, 'keys', 'feedback.pem');
    mkdirSync(join(workspace.directory, 'keys'));
    writeFileSync(file, 'a key\n');
    chmodSync(file, 0o644);
    const told = imported(gateway)
      .notes.filter((note) => note.variable === 'VV_TG_FEEDBACK_ED25519_KEYS_JSON')
      .map((note) => note.message);
    expect(told[0]).toContain('mode 0644');
    expect(told[0]).toContain(`chmod 600 ${file}`);
    expect(told[1]).toContain('looks like the key itself');
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
