import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderProblems } from '../../../src/config/document/findings.js';
import { checkPrivateKeyFile } from '../../../src/config/files/private-key-file.js';
import { loadConfiguration } from '../../../src/config/load.js';
import { MAX_FILE_BYTES } from '../../../src/config/files/read-file.js';
import { workerSocketPaths } from '../../../src/config/settings.js';
import {
  configurationText,
  createWorkspace,
  fixtures,
  identity,
  loaded,
  nowMs,
  problemsOf,
  publicKeys,
  type Workspace,
} from './workspace.js';

const good = join(fixtures, 'good');
const loadGood = (name: string) => loaded(loadConfiguration(join(good, name), { generation: 7, nowMs }));

let workspace: Workspace;
beforeEach(() => {
  workspace = createWorkspace();
});
afterEach(() => workspace.remove());

const loadText = (changes: Readonly<Record<string, unknown>>) => workspace.load(configurationText(changes));
const warningsOf = (changes: Readonly<Record<string, unknown>>) =>
  loaded(loadText(changes)).warnings.map(({ path, message }) => `${path}: ${message}`);

const envoy = {
  listener: { address: '127.0.0.1', port: 8443 },
  admin: { address: '127.0.0.1', port: 9901 },
  upstream: { address: '127.0.0.1', port: 9000 },
  tls: {
    certificateFile: 'certs/server.crt',
    privateKeyFile: 'certs/server.key',
    clientCaFile: 'certs/ca.crt',
  },
};

describe('a good configuration', () => {
  test.each(readdirSync(good).filter((name) => name.endsWith('.yaml')))('%s loads', (name) => {
    expect(loadGood(name).snapshot.generation).toBe(7);
  });

  test('has every default where the file is silent', () => {
    const { settings, snapshot } = loadGood('minimal.yaml');
    expect(settings).toEqual({
      listen: { socketPath: join(good, 'verifier.sock'), extProcVerify: false },
      workers: 1,
      admin: { host: '127.0.0.1', port: 9902, allowedHosts: [] },
      log: { level: 'info' },
      audit: { sink: { kind: 'stdout' }, log: undefined, onFailure: 'refuse', durability: 'process' },
      nonces: {
        store: 'lmdb',
        directory: join(good, 'state/nonces'),
        maxEntries: 1_000_000,
        maxEntriesPerIdentity: 1_000_000,
        durability: 'process',
      },
      limits: {
        maxBodyBytes: 1_048_576,
        maxConcurrentChecks: 1024,
        claimMarginMilliseconds: 50,
        checkTimeoutMilliseconds: 1000,
        drainDelayMilliseconds: 1_500,
        drainMilliseconds: 10_000,
      },
      keys: { sources: [] },
      envoy: undefined,
    });
    expect(snapshot.headers.nonce).toBe('x-telemetry-nonce');
    expect(snapshot.forwardedCertificate).toBe('ignore');
    expect(snapshot.policies.get('telemetry')).toMatchObject({
      freshness: { pastSkewSeconds: 30, futureSkewSeconds: 30 },
      maxBodyBytes: 1_048_576,
      rateLimit: undefined,
    });
  });

  test('reads one key alike in every encoding, and pins a certificate in every way', () => {
    const { snapshot, filesRead } = loadGood('every-encoding.yaml');
    const producer = snapshot.identities.get('spiffe://example.org/producer-a')!;
    expect(new Set(producer.keys.map((key) => key.publicKey.fingerprint)).size).toBe(1);
    expect(producer.keys).toHaveLength(5);
    expect(producer.pins.map((pin) => pin.kind)).toEqual(['certificate', 'spki', 'certificate', 'spki']);
    expect(producer.pins[0]!.sha256).toBe('a'.repeat(64));
    expect(producer.pins[2]!.sha256).toBe('391975024d89f6f9452639cb76df8d7353ca4f344437ceab132af67faaf2e54c');
    expect(Number.isFinite(producer.pins[2]!.notAfterMs)).toBe(true);
    expect(producer.pins[3]!.notAfterMs).toBe(Date.parse('2029-12-31T23:00:00Z'));
    expect(filesRead[0]).toBe(join(good, 'every-encoding.yaml'));
    expect(filesRead).toContain(join(fixtures, 'files/key.ssh.pub'));
    expect(new Set(filesRead).size).toBe(filesRead.length);
  });

  test('keeps the order of the policies, and gives each its own bounds', () => {
    const { policies } = loadGood('own-policies.yaml').snapshot;
    expect([...policies.keys()]).toEqual(['bundle', 'order', 'orders', 'orders-read', 'pages']);
    expect(policies.get('bundle')).toMatchObject({
      once: true,
      freshness: { pastSkewSeconds: 300, futureSkewSeconds: 30 },
    });
    expect(policies.get('order')).toMatchObject({
      maxBodyBytes: 4096,
      rateLimit: { group: 'policy:order', perMinute: 10 },
    });
    expect(policies.get('orders')).toMatchObject({ body: undefined, rateLimit: undefined });
    expect(policies.get('orders-read')).toMatchObject({
      rateLimit: { group: 'default:identity', perMinute: 120 },
    });
    expect(policies.get('pages')).toMatchObject({ kind: 'pass_through', match: { allowQuery: true } });
  });

  test('normalises attestation hashes and keeps a revoked identity without proof', () => {
    const { identities } = loadGood('own-policies.yaml').snapshot;
    expect(identities.get('producer-a')!.attestations).toEqual(new Set(['c'.repeat(64)]));
    expect(identities.get('producer-gone')).toMatchObject({ revoked: true, keys: [], pins: [] });
  });

  test('cannot be changed afterwards', () => {
    const configuration = loadGood('minimal.yaml');
    for (const value of [
      configuration,
      configuration.settings.limits,
      configuration.snapshot.headers,
      configuration.snapshot.identities.get('producer-a')!.keys,
      configuration.snapshot.policies.get('telemetry')!,
    ])
      expect(Object.isFrozen(value)).toBe(true);
  });

  test('takes operators whose names mean something to JavaScript', () => {
    const operators = {
      constructor: '11111111-1111-4111-8111-111111111111',
      'operator-a': '11111111-1111-4111-8111-111111111111',
    };
    const { snapshot } = loaded(loadText({ operators }));
    expect([...snapshot.operators.keys()].sort()).toEqual(['constructor', 'operator-a']);
    expect(snapshot.operators.has('toString')).toBe(false);
  });

  test('takes a modest alias, and gives the line of what it stands for', () => {
    const yaml = readFileSync(join(good, 'minimal.yaml'), 'utf8');
    const text = yaml.replace(
      'operators: [operator-a]',
      'operators: &mine [operator-a]\n  - name: b\n    certificates: []\n    keys: []\n    operators: *mine',
    );
    expect(problemsOf(workspace.load(text)).map(({ path, line }) => [path, line])).toEqual([
      ['identities[1].keys', 12],
      ['identities[1].certificates', 11],
    ]);
  });

  test('resolves the paths of Envoy from its own directory', () => {
    const { settings, filesRead } = loaded(loadText({ envoy }));
    expect(settings.envoy).toMatchObject({
      tls: {
        privateKeyFile: join(workspace.directory, 'certs/server.key'),
        sdsDirectory: join(workspace.directory, 'run/sds'),
      },
      accessLogPath: join(workspace.directory, 'audit/access.ndjson'),
      flood: { requestsPerSecondPerConnection: 10_000, connectionsPerSecond: 2_000 },
      health: undefined,
    });
    expect(filesRead).toContain(join(workspace.directory, 'certs/server.crt'));
    expect(settings.envoy?.tls.clientCertificate).toBe('required');
  });

  describe('where TLS may come without a client certificate', () => {
    const optional = { ...envoy, tls: { ...envoy.tls, clientCertificate: 'optional' } };
    const telemetry = { name: 'telemetry', profile: 'federation.telemetry', schemaVersions: ['1.0'] };
    const page = {
      name: 'page',
      match: { methods: ['GET'], path: '/page' },
      passThrough: { reason: 'for everybody' },
    };

    test('says so to Envoy', () => {
      const result = loadText({ envoy: optional, policies: [telemetry, page] });
      expect(loaded(result).settings.envoy?.tls.clientCertificate).toBe('optional');
      expect(loaded(result).warnings.map(({ path }) => path)).toEqual(['policies[1]']);
    });

    test('warns when nothing is open to such a client', () => {
      expect(warningsOf({ envoy: optional })).toEqual([
        'envoy.tls.clientCertificate: is optional, and no policy has passThrough: whoever comes without a certificate is refused everywhere',
      ]);
    });
  });
});

describe('a warning is given for', () => {
  test.each<[string, Readonly<Record<string, unknown>>, string]>([
    [
      'a method that is close to a usual one',
      {
        policies: [
          {
            name: 'page',
            match: { methods: ['GTE', 'PURGE'], path: '/page' },
            passThrough: { reason: 'all' },
          },
        ],
      },
      'policies[0].match.methods[0]: GTE is no method that HTTP knows: did you mean GET?',
    ],
    [
      'an identity that may speak for everybody',
      { identities: [identity({ operators: undefined })] },
      'identities[0].operators: "producer-a" may speak for every mapped operator',
    ],
    [
      'a key that two identities share',
      { identities: [identity(), identity({ name: 'b', certificates: [{ sha256: 'b'.repeat(64) }] })] },
      'identities[1].keys: "b" has the same key as "producer-a"',
    ],
    [
      'a certificate that two identities share',
      {
        identities: [identity(), identity({ name: 'b', keys: [{ kid: 'k', publicKey: publicKeys.second }] })],
      },
      'identities[1].certificates: "b" has the same certificate as "producer-a"',
    ],
    [
      'keys that have expired',
      {
        identities: [
          identity({ keys: [{ kid: 'k', publicKey: publicKeys.first, notAfter: '2026-12-31T23:59:59Z' }] }),
        ],
      },
      'identities[0].keys: every key of "producer-a" has expired',
    ],
    [
      'a key that has expired',
      {
        identities: [
          identity({ keys: [{ kid: 'k', publicKey: publicKeys.first, notAfter: '2027-01-01T00:00:00Z' }] }),
        ],
      },
      'identities[0].keys[0].notAfter: this key has expired',
    ],
    [
      'a certificate that has expired',
      { identities: [identity({ certificates: [{ file: 'certs/expired.pem' }] })] },
      'identities[0].certificates[0]: this certificate pin has expired',
    ],
    [
      'a route that nothing checks',
      {
        policies: [
          { name: 'login', match: { methods: ['GET'], path: '/login' }, passThrough: { reason: 'a form' } },
        ],
      },
      'policies[0]: "login" lets /login through unchecked: a form',
    ],
    [
      'a pass-through over a signed route',
      {
        policies: [
          { name: 'inside', match: { methods: ['POST'], path: '/portal/Admin' } },
          {
            name: 'portal',
            match: { methods: ['GET'], pathPrefix: '/portal/' },
            passThrough: { reason: 'pages' },
          },
        ],
      },
      'policies[1].match: "portal" lets /portal/ through unchecked, and signed routes lie under it: "inside" (/portal/Admin); what the application takes for one of these by rules of its own comes to it unverified',
    ],
    [
      'a route that takes raw paths',
      {
        policies: [
          {
            name: 'files',
            match: { methods: ['GET'], pathPrefix: '/files/' },
            rawPaths: { reason: 'old names' },
          },
        ],
      },
      'policies[0].rawPaths: "files" takes paths such as /files/..;/, which can reach every route of the application, signed ones too: old names',
    ],
    [
      'telemetry of any schema version',
      { policies: [{ name: 't', profile: 'federation.telemetry' }] },
      'policies[0]: "t" takes any schema version',
    ],
    [
      'an admin endpoint that is open',
      { admin: { host: '0.0.0.0' } },
      'admin.host: metrics and health are open to whoever reaches "0.0.0.0"',
    ],
    [
      'no identity',
      { identities: [] },
      'identities: there is no identity: every signed request will be refused',
    ],
    [
      'no operator',
      { operators: {}, identities: [identity({ operators: [] })] },
      'operators: no operator is mapped to a tenant: "telemetry" will refuse every request',
    ],
  ])('%s', (_, changes, warning) => {
    expect(warningsOf(changes)).toContain(warning);
  });

  test('a prefix knows the signed routes under it, folded, and no others', () => {
    const match = (pathPrefix: string) => ({ methods: ['POST'], pathPrefix });
    const { policies } = loaded(
      loadText({
        policies: [
          { name: 'exact', match: { methods: ['POST'], path: '/tree/Leaf-.' } },
          { name: 'inner', match: match('/tree/Branch/') },
          { name: 'beside', match: { methods: ['POST'], path: '/treetop' } },
          { name: 'outer', match: match('/tree/') },
        ],
      }),
    ).snapshot;
    const innerOf = (name: string) => policies.get(name)?.innerRoutes;
    expect(innerOf('outer')).toEqual([
      { kind: 'exact', foldedPath: '/tree/leaf-' },
      { kind: 'prefix', foldedPath: '/tree/branch/' },
    ]);
    expect(['exact', 'inner', 'beside'].map(innerOf)).toEqual([undefined, undefined, undefined]);
  });

  test('a policy that takes raw paths may have one', () => {
    const { policies } = loaded(
      loadText({
        policies: [
          { name: 'odd', match: { methods: ['POST'], path: '/a;b=1' }, rawPaths: { reason: 'as it was' } },
        ],
      }),
    ).snapshot;
    expect(policies.get('odd')).toMatchObject({ takesRawPaths: true, match: { path: '/a;b=1' } });
  });

  test('nothing, when there is nothing to look at', () => {
    expect(warningsOf({})).toEqual([]);
  });
});

describe('a file that cannot be a configuration', () => {
  test.each<[string, string | Uint8Array, string]>([
    ['an empty file', '', 'is empty'],
    ['text that is not UTF-8', Buffer.from([0x76, 0xff, 0xfe]), 'is not UTF-8'],
    ['a huge file', Buffer.alloc(MAX_FILE_BYTES + 1, '#'), 'is larger than'],
    ['text that is not YAML', 'version: 1\nlisten: }\n', 'is not valid YAML'],
    ['thousands of aliases', `a: [${'*x,'.repeat(10_000)}]`, 'aliases without end'],
    ['plain text', 'hello', 'must be a section of keys, not text'],
    ['null', 'null', 'is empty'],
  ])('%s is refused', (_, content, message) => {
    const [problem] = problemsOf(workspace.load(content));
    expect(problem!.message).toContain(message);
    expect(problem!.remedy).not.toBe('');
  });

  const stairs = (step: string): string =>
    Array.from({ length: 2_000 }, (_, level) => `${' '.repeat(level)}${step}\n`).join('');

  /** At each of these the library would recurse until the stack ends, where V8 may end the process. */
  test.each([
    ['lists', '['.repeat(100_000)],
    ['lists that end', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['lists with anchors', '[&a '.repeat(100_000)],
    ['sections', '{a: '.repeat(100_000)],
    ['sections in lists', '[a: '.repeat(100_000)],
    ['hyphens in a row', '- '.repeat(100_000)],
    ['question marks in a row', '? '.repeat(100_000)],
    ['hyphens and question marks', '? - '.repeat(100_000)],
    ['colons in a row', ': '.repeat(100_000)],
    ['keys in a row', 'a: '.repeat(100_000)],
    ['aliases as keys', '*a : '.repeat(100_000)],
    ['sections by indentation', stairs('a:')],
    ['lists by indentation', stairs('-')],
  ])('%s many thousands deep are refused before anything recurses, each time', (_, text) => {
    for (let time = 0; time < 3; time++)
      expect(problemsOf(workspace.load(`version: 1\ndeep:\n${text.replace(/^(?= *\S)/gm, ' ')}\n`))).toEqual([
        expect.objectContaining({
          line: text.includes('\n') ? 65 : 3,
          message: 'is nested too deeply: more than 64 levels',
          remedy: 'write a flatter file',
        }),
      ]);
  });

  test('as many levels as are allowed are none too many', () => {
    const levels = (count: number) => workspace.load(`${'['.repeat(count)}${']'.repeat(count)}`);
    expect(problemsOf(levels(62))[0]?.message).toBe('must be a section of keys, not a list');
    expect(problemsOf(levels(64))[0]?.message).toBe('is nested too deeply: more than 64 levels');
  });

  test.each([
    ['a tag that was a password', 'listen: !hunter2'],
    ['a tag that was a password, on a list', 'listen: !hunter2 []'],
    ['a tag with a handle', 'listen: !a!hunter2 a'],
    ['a tag in full', 'listen: !<hunter2 a'],
    ['a tag without an end', 'listen: !hunter2! a'],
    ['marks without end', `listen: ${'!'.repeat(500_000)}hunter2`],
    ['a directive', '%hunter2 a\n---\na: b'],
    ['the version of a directive', '%YAML hunter2\n---\na: b'],
    ['an escape sequence', 'listen: "\\hunter2"'],
    ['a block', 'listen: |hunter2\n  a'],
    ['what follows an end', 'listen: "a" hunter2'],
    ['what a stream cannot begin with', '...\n}hunter2'],
  ])('no message repeats the text: %s', (_, text) => {
    const problems = problemsOf(workspace.load(`${text}\n`));
    expect(problems).not.toHaveLength(0);
    expect(JSON.stringify(problems)).not.toMatch(/unter2|"message":"[^"]{200}/);
  });

  test.each(['audit', 'nonces'])('a path of %s that no file system takes is no defect', (section) => {
    const path = `${'x'.repeat(300)}/x`;
    const value = section === 'audit' ? { file: path } : { store: 'lmdb', directory: path };
    expect(() => loadText({ [section]: value })).not.toThrow();
  });

  test('a message that names something of the file is bounded', () => {
    const certificateFile = 'a/'.repeat(500_000);
    const problems = problemsOf(
      loadText({ identities: [identity({ certificates: [{ certificateFile }] })] }),
    );
    for (const { message, remedy } of problems) {
      expect(message.length).toBeLessThan(2_100);
      expect(remedy.length).toBeLessThan(2_100);
    }
  });

  /** What a parser says after the first slip is about what it took the rest for. */
  test.each([
    ['a tab before a key', 'version: 1\nlisten:\n\tsocket: a\n', 3],
    [
      'a tab among spaces, in a list',
      'version: 1\nidentities:\n  - name: a\n \t  keys: []\n  - name: b\n',
      4,
    ],
    ['a tab after a deeper key', 'a:\n  b: 1\n\tc: 2\n  d: 3\n', 3],
    ['a tab in a flow list', 'a: [1,\n\t2]\n', 2],
    ['a tab that ends a quoted text', 'a: "x\n\ty"\nb: c\n', 2],
    ['tabs everywhere', '\tversion: 1\n\tlisten: a\n', 1],
  ])('one slip is one problem: %s', (_title, text, line) => {
    expect(problemsOf(workspace.load(text))).toEqual([
      expect.objectContaining({
        line,
        message: 'is not valid YAML: Tabs are not allowed as indentation',
        remedy: expect.stringContaining('indent with spaces') as string,
      }),
    ]);
  });

  test.each(['a: 1\nb: c: d\n', 'a: {b\nc: d\n', "a: 'x\nb: 1\n", 'a:\n - b\n  c: d\n - e: [\n'])(
    'one slip is one problem: %j',
    (text) => {
      expect(problemsOf(workspace.load(text))).toHaveLength(1);
    },
  );

  test('the line of a syntax fault is told, and not its text', () => {
    const [problem] = problemsOf(workspace.load('version: 1\nlisten: "a" "secret"\n'));
    expect(problem).toMatchObject({ line: 2, path: '' });
    expect(JSON.stringify(problem)).not.toContain('secret');
  });

  test.each([
    ['a directory', '.', 'is a directory'],
    ['nothing at all', 'absent.yaml', 'does not exist'],
    ['something below a file', 'certs/ca.crt/x.yaml', 'lies under something that is no directory'],
    ['a device', '/dev/zero', 'is not a regular file'],
  ])('%s is refused', (_, name, message) => {
    const file = name.startsWith('/') ? name : join(workspace.directory, name);
    const problems = problemsOf(loadConfiguration(file, { generation: 1, nowMs }));
    expect(problems).toEqual([expect.objectContaining({ file, path: '', message })]);
  });
});

describe('a private key file', () => {
  const withMode = (mode: number) => {
    const file = join(workspace.directory, 'certs/server.key');
    chmodSync(file, mode);
    return file;
  };

  test.each([0o600, 0o400, 0o640, 0o440])('of mode %o is taken', (mode) => {
    expect(checkPrivateKeyFile(withMode(mode))).toEqual({ ok: true });
  });

  test.each([0o644, 0o604, 0o602, 0o601, 0o660, 0o620, 0o777])(
    'of mode %o is refused with chmod 600',
    (mode) => {
      const file = withMode(mode);
      expect(checkPrivateKeyFile(file)).toMatchObject({
        ok: false,
        reason: 'open-to-others',
        remedy: `close it to others: chmod 600 ${file}`,
      });
    },
  );

  test('of the TLS listener is held to that by the loader', () => {
    const file = withMode(0o644);
    expect(problemsOf(loadText({ envoy }))).toEqual([
      expect.objectContaining({
        path: 'envoy.tls.privateKeyFile',
        remedy: `close it to others: chmod 600 ${file}`,
      }),
    ]);
  });

  test('of the TLS listener may be absent, with a warning: the verifier never reads it, and in a pod never gets it', () => {
    const tls = { ...envoy.tls, privateKeyFile: '/nowhere/server.key' };
    expect(warningsOf({ envoy: { ...envoy, tls } })).toEqual([
      'envoy.tls.privateKeyFile: the file /nowhere/server.key does not exist here; Envoy needs it where it runs',
    ]);
  });

  test.each([0o440, 0o400])('of mode %o may lie behind the links of a volume of Kubernetes', (mode) => {
    const name = withMode(mode);
    const link = join(workspace.directory, '..data');
    symlinkSync(join(workspace.directory, 'certs'), link);
    symlinkSync(join('..data', 'server.key'), join(workspace.directory, 'server.key'));
    expect(name).toBe(join(workspace.directory, 'certs/server.key'));
    expect(checkPrivateKeyFile(join(workspace.directory, 'server.key'))).toEqual({ ok: true });
  });

  test('is judged by the file that a link leads to, and a directory is none', () => {
    const link = join(workspace.directory, 'link');
    symlinkSync(withMode(0o644), link);
    expect(checkPrivateKeyFile(link)).toMatchObject({ reason: 'open-to-others' });
    expect(checkPrivateKeyFile(workspace.directory)).toMatchObject({ reason: 'unreadable' });
    expect(checkPrivateKeyFile(join(workspace.directory, 'absent'))).toMatchObject({ reason: 'missing' });
  });
});

describe('a certificate file', () => {
  test('that holds a private key too is refused with the reason', () => {
    mkdirSync(join(workspace.directory, 'mixed'));
    const pem = readFileSync(join(fixtures, 'files/producer.pem'), 'utf8');
    writeFileSync(
      join(workspace.directory, 'mixed/a.pem'),
      `${pem}-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n`,
    );
    expect(
      problemsOf(loadText({ identities: [identity({ certificates: [{ file: 'mixed/a.pem' }] })] })),
    ).toEqual([expect.objectContaining({ message: 'holds a private key' })]);
  });
});

describe('a problem', () => {
  test('is rendered on one line with file, line, path, message and remedy', () => {
    const file = join(fixtures, 'bad/unknown-key.yaml');
    const problems = problemsOf(loadConfiguration(file, { generation: 1, nowMs }));
    expect(renderProblems(problems)).toBe(
      `${file}:6 freshnes: is not a key of this format — did you mean "freshness"?`,
    );
  });

  test('cannot write to a terminal', () => {
    const problem = { file: 'a\u001b[2J', path: 'x\ny', message: 'm\u009b', remedy: 'r\u2028' };
    expect(renderProblems([problem, problem])).toBe(
      Array(2).fill('a\\u001b[2J x\\u000ay: m\\u009b — r\\u2028').join('\n'),
    );
  });

  test('never repeats a private key that was put in the wrong place', () => {
    const key = 'MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC';
    const problems = problemsOf(
      loadText({ identities: [identity({ keys: [{ kid: 'k', publicKey: key }] })] }),
    );
    expect(renderProblems(problems)).not.toContain(key.slice(20, 40));
  });
});

describe('workers', () => {
  const inFile = { audit: { file: 'audit.ndjson' } };

  test('may share an lmdb store, and one worker may keep its own in memory', () => {
    loaded(workspace.load(configurationText(inFile), { workers: 4 }));
    loaded(workspace.load(configurationText({ nonces: { store: 'memory' } }), { workers: 1 }));
  });

  test('are as many as the file says, unless the caller says otherwise', () => {
    const text = configurationText({ ...inFile, workers: 3 });
    expect(loaded(workspace.load(text)).settings.workers).toBe(3);
    expect(loaded(workspace.load(text, { workers: 1 })).settings.workers).toBe(1);
  });

  test('have a socket each, beside the one that is configured', () => {
    const listen = { socketPath: '/run/countersign/verifier.sock' };
    expect(workerSocketPaths({ listen, workers: 1 })).toEqual(['/run/countersign/verifier.sock']);
    expect(workerSocketPaths({ listen, workers: 3 })).toEqual([
      '/run/countersign/verifier-0.sock',
      '/run/countersign/verifier-1.sock',
      '/run/countersign/verifier-2.sock',
    ]);
  });

  test.each([
    [1, 0],
    [2, 1],
  ])('%i of them with a socket path of 107 bytes: %i problems, as each adds its number', (workers, count) => {
    const socket = `/${'s'.repeat(101)}.sock`;
    const result = workspace.load(configurationText({ ...inFile, workers, listen: { socket } }));
    expect(result.ok ? 0 : result.problems.length).toBe(count);
  });
});

describe('retention', () => {
  test.each([
    [61, 0],
    [60, 1],
  ])('of %i s gives %i problems with the default window', (retentionSeconds, count) => {
    const result = loadText({ nonces: { retentionSeconds } });
    expect(result.ok ? 0 : result.problems.length).toBe(count);
  });

  test('need not reach what a policy without claim allows, and where there is no other a warning says that it has no effect', () => {
    const policies = [{ name: 'b', profile: 'federation.verify' }];
    expect(warningsOf({ nonces: { retentionSeconds: 1 }, policies })).toEqual([
      'nonces.retentionSeconds: has no effect: it is held against the windows of policies that take a request once, and there is none',
    ]);
    expect(warningsOf({ nonces: { retentionSeconds: 61 } })).toEqual([]);
  });
});
