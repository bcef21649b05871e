/** What a pipeline without secrets can judge and render, and that it is told what it did without. */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKeyPair } from '../../../src/crypto/private-key.js';
import { NOTE_COSIGNATURE, verifierKeyText } from '../../../src/tlog/note.js';
import { OVERLAYS } from '../../k8s/support/manifests.js';
import { configurationText, createWorkspace, feedback, type Workspace } from '../config/workspace.js';
import { run } from './test-world.js';

const FILES = ['envoy.yaml', 'sds-client-ca.yaml', 'sds-server.yaml'];

let workspace: Workspace;
beforeEach(() => (workspace = createWorkspace()));
afterEach(() => workspace.remove());

/** A configuration that names a secret of every kind, and public files beside them. */
function everySecret(changes: Readonly<Record<string, unknown>> = {}): string {
  const file = join(workspace.directory, 'countersign.yaml');
  const text = configurationText({
    identities: [
      {
        name: 'producer-a',
        operators: ['operator-a'],
        certificates: [{ file: 'certs/producer-a.pem' }],
        keys: [{ kid: 'k1', publicKeyFile: 'certs/producer-a.pub' }],
      },
    ],
    policies: [{ name: 'query', profile: 'federation.feedback-query' }],
    feedback: feedback({ keys: [{ kid: 'fb', privateKeyFile: 'absent/feedback.pem' }] }),
    audit: {
      log: {
        directory: '/proc/version/log',
        origin: 'log.example/a',
        keyFile: 'absent/audit.pem',
        mirror: {
          s3: {
            endpoint: 'https://s3.example',
            bucket: 'records',
            region: 'eu',
            retentionDays: 30,
            credentialsFile: 'absent/credentials',
          },
        },
        witnesses: { policyFile: 'witnesses.txt' },
      },
      otlp: { endpoint: 'https://collector.example', headersFile: 'absent/headers' },
    },
    nonces: {
      store: 'redis',
      redis: {
        address: 'redis:6379',
        passwordFile: 'absent/password',
        tls: { certificateFile: 'absent/redis.crt', privateKeyFile: 'absent/redis.key' },
      },
    },
    envoy: {
      listener: { address: '127.0.0.1', port: 8443 },
      admin: { address: '127.0.0.1', port: 9901 },
      upstream: { address: '127.0.0.1', port: 8000 },
      tls: {
        certificateFile: 'absent/server.crt',
        privateKeyFile: 'absent/server.key',
        clientCaFile: 'certs/ca.crt',
        sdsDirectory: 'run/sds',
      },
    },
    ...changes,
  });
  writeFileSync(file, text);
  return file;
}

/** Lists a witness, and this log under a key that nobody here can know. */
function witnessPolicy(): string {
  const key = (seed: number) => generateKeyPair(new Uint8Array(32).fill(seed)).publicKey.raw;
  const witness = `witness one ${verifierKeyText('w.example', key(3), NOTE_COSIGNATURE)} https://w.example/`;
  return `log ${verifierKeyText('log.example/a', key(9))}\n${witness}\nquorum one\n`;
}

interface Result {
  readonly ok: boolean;
  readonly offline?: boolean;
  readonly problems?: readonly { readonly path: string; readonly message: string }[];
  readonly not_judged?: readonly { readonly path: string; readonly file: string; readonly kind: string }[];
  readonly signed_answers?: { readonly domains: readonly { readonly active_kid: string | null }[] };
  readonly audit_log?: { readonly public_key: string | null; readonly witnesses: readonly string[] };
  readonly warnings?: readonly { readonly path: string }[];
}

async function judged(...args: string[]): Promise<{ code: number; result: Result }> {
  const { code, out } = await run(['check-config', '--json', ...args]);
  return { code, result: JSON.parse(out) as Result };
}

describe('countersign check-config --offline', () => {
  it('does without every secret that is not there, and names each with its place and kind', async () => {
    const { code, result } = await judged('--offline', everySecret());
    expect(result.problems).toBeUndefined();
    expect([code, result.ok, result.offline]).toEqual([0, true, true]);
    const named = result.not_judged!.map(({ path, kind }) => `${kind} ${path}`).sort();
    expect(named).toEqual([
      'public audit.log.witnesses.policyFile',
      'public envoy.tls.certificateFile',
      'public nonces.redis.tls.certificateFile',
      'secret audit.log.keyFile',
      'secret audit.log.mirror.s3.credentialsFile',
      'secret audit.otlp.headersFile',
      'secret envoy.tls.privateKeyFile',
      'secret feedback.keys[0].privateKeyFile',
      'secret nonces.redis.passwordFile',
      'secret nonces.redis.tls.privateKeyFile',
    ]);
    for (const { file } of result.not_judged!) expect(file.startsWith(workspace.directory)).toBe(true);
    expect(result.signed_answers!.domains).toMatchObject([{ active_kid: null }]);
    expect(result.audit_log!.public_key).toBeNull();
    expect(result.warnings!.map(({ path }) => path)).not.toContain('envoy.tls.privateKeyFile');
  });

  it('does without the files of a TCP listener, of authorities and of tracing', async () => {
    const tls = {
      certificateFile: 'absent/tcp.crt',
      privateKeyFile: 'absent/tcp.key',
      clientCaFile: 'absent/gateways.crt',
      clientNames: ['gateway.example.org'],
    };
    const file = everySecret({
      listen: { socket: 'verifier.sock', tcp: { port: 9444, tls, sharedSecretFile: 'absent/shared' } },
      authorities: { mesh: { file: 'absent/mesh.pem' }, other: { file: 'certs/ca.crt' } },
      tracing: {
        endpoint: 'https://collector.example/v1/traces',
        headersFile: 'absent/trace-headers',
        caFile: 'absent/trace-ca.crt',
      },
    });
    const { code, result } = await judged('--offline', file);
    expect([result.problems, code]).toEqual([undefined, 0]);
    const more = result
      .not_judged!.map(({ path, kind }) => `${kind} ${path}`)
      .filter((line) => /listen|authorities|tracing/.test(line));
    expect(more.sort()).toEqual([
      'public authorities.mesh.file',
      'public listen.tcp.tls.certificateFile',
      'public listen.tcp.tls.clientCaFile',
      'public tracing.caFile',
      'secret listen.tcp.sharedSecretFile',
      'secret listen.tcp.tls.privateKeyFile',
      'secret tracing.headersFile',
    ]);
    const online = await judged(file);
    const missing = online.result.problems!.map(({ path }) => path);
    expect(missing).toEqual(expect.arrayContaining(more.map((line) => line.split(' ')[1])));
  });

  it('is the only way to do without them', async () => {
    const { code, result } = await judged(everySecret());
    expect([code, result.ok, result.not_judged]).toEqual([1, false, undefined]);
    expect(result.problems!.map(({ path }) => path)).toEqual(
      expect.arrayContaining(['feedback.keys[0].privateKeyFile', 'audit.log.directory']),
    );
  });

  it('says the same as text', async () => {
    const { code, out } = await run(['check-config', '--offline', everySecret()]);
    expect(code).toBe(0);
    expect(out).toContain(
      `not judged: feedback.keys[0].privateKeyFile: ${join(workspace.directory, 'absent/feedback.pem')} is not here (secret)\n`,
    );
    expect(out).toContain('signing keys: by default: not judged\n');
  });

  it.each([
    ['a public key that is none', 'certs/producer-a.pub', 'nonsense', 'identities[0].keys[0].publicKeyFile'],
    ['a certificate that is none', 'certs/producer-a.pem', 'nonsense', 'identities[0].certificates[0].file'],
    ['a CA that is none', 'certs/ca.crt', 'nonsense', 'envoy.tls.clientCaFile'],
    ['a private key that is none', 'absent/feedback.pem', 'nonsense', 'feedback.keys[0].privateKeyFile'],
    ['a policy of witnesses that is none', 'witnesses.txt', 'nonsense', 'audit.log.witnesses.policyFile'],
    ['an empty password', 'absent/password', '\n', 'nonces.redis.passwordFile'],
  ])('judges what is there: %s', async (_title, file, content, path) => {
    mkdirSync(join(workspace.directory, 'absent'));
    writeFileSync(join(workspace.directory, file), content, { mode: 0o600 });
    const { code, result } = await judged('--offline', everySecret());
    expect([code, result.problems?.map((problem) => problem.path)]).toEqual([1, [path]]);
  });

  it('refuses a secret that is there and open to others', async () => {
    const file = everySecret();
    mkdirSync(join(workspace.directory, 'absent'));
    copyFileSync(
      join(workspace.directory, 'keys', 'fb-2026.pem'),
      join(workspace.directory, 'absent', 'feedback.pem'),
    );
    chmodSync(join(workspace.directory, 'absent', 'feedback.pem'), 0o644);
    const { code, result } = await judged('--offline', file);
    expect([code, result.problems?.map(({ path }) => path)]).toEqual([
      1,
      ['feedback.keys[0].privateKeyFile'],
    ]);
  });

  it('judges everything else as the server does', async () => {
    const { code, result } = await judged('--offline', everySecret({ policies: [] }));
    expect([code, result.problems?.map(({ path }) => path)]).toEqual([
      1,
      expect.arrayContaining(['policies']),
    ]);
  });

  it('does not take a missing configuration for a file that may be left out', async () => {
    const { code } = await run(['check-config', '--offline', join(workspace.directory, 'none.yaml')]);
    expect(code).toBe(3);
  });

  it('takes a policy of witnesses that names the log, though its key is not there', async () => {
    writeFileSync(join(workspace.directory, 'witnesses.txt'), witnessPolicy());
    const { result } = await judged('--offline', everySecret());
    expect(result.problems).toBeUndefined();
    expect(result.audit_log!.witnesses).toEqual(['one']);
  });

  it('finds what will lie beside the configuration beside it, and nothing else', async () => {
    const file = everySecret({
      identities: [
        {
          name: 'producer-a',
          operators: ['operator-a'],
          certificates: [{ file: '/etc/countersign/certs/producer-a.pem' }],
          keys: [{ kid: 'k1', publicKeyFile: '/etc/countersign-other/producer-a.pub' }],
        },
      ],
    });
    const { code, result } = await judged('--offline', '--installed-in', '/etc/countersign', file);
    expect(code).toBe(0);
    const named = new Map(result.not_judged!.map(({ path, file: at }) => [path, at]));
    expect(named.get('identities[0].certificates[0].file')).toBeUndefined();
    expect(named.get('identities[0].keys[0].publicKeyFile')).toBe('/etc/countersign-other/producer-a.pub');
    expect(named.get('feedback.keys[0].privateKeyFile')).toBe('/etc/countersign/absent/feedback.pem');
  });

  it('takes --installed-in with --offline alone', async () => {
    const { code, err } = await run(['check-config', '--installed-in', '/etc', everySecret()]);
    expect(code).toBe(2);
    expect(err).toContain('add --offline');
  });
});

describe('countersign envoy-config --offline', () => {
  let into: string;
  beforeEach(() => (into = join(mkdtempSync(join(tmpdir(), 'cs-into-')), 'envoy')));
  afterEach(() => rmSync(join(into, '..'), { recursive: true }));

  it('renders without any secret, names the places of the configuration, and says what it did without', async () => {
    const { code, out, err } = await run([
      ...['envoy-config', '--offline', '--installed-in', '/etc/countersign', '--into', into, everySecret()],
    ]);
    expect([code, out]).toEqual([0, '']);
    expect(err).toContain(
      'not judged: envoy.tls.privateKeyFile: /etc/countersign/absent/server.key is not here (secret)',
    );
    expect(readdirSync(into).sort()).toEqual(FILES);
    const text = FILES.map((name) => readFileSync(join(into, name), 'utf8')).join('');
    expect(text).toContain('/etc/countersign/run/sds/sds-server.yaml');
    expect(text).toContain('/etc/countersign/absent/server.key');
    expect(text).not.toContain(workspace.directory);
    expect(text).not.toContain(into);
    expect(readdirSync(workspace.directory)).not.toContain('run');
  });

  it.each([
    ['base', 'k8s/base'],
    ...OVERLAYS.map((overlay) => [overlay, overlay === 'single' ? 'k8s/base' : `k8s/overlays/${overlay}`]),
  ])('renders what the pods have, of %s', async (_name, folder) => {
    const { code } = await run([
      ...['envoy-config', '--offline', '--installed-in', '/etc/countersign/config'],
      ...['--config', `${folder}/config/countersign.yaml`, '--into', into],
    ]);
    expect(code).toBe(0);
    for (const name of FILES)
      expect(readFileSync(join(into, name), 'utf8')).toBe(readFileSync(join('k8s/base/envoy', name), 'utf8'));
  });

  it.each([
    ['--out', ['--out', 'a']],
    ['--sds', ['--sds', 'a']],
    ['--no-sds', ['--no-sds']],
  ])('refuses --into beside %s', async (_name, other) => {
    const { code } = await run(['envoy-config', '--offline', '--into', into, ...other, everySecret()]);
    expect(code).toBe(2);
  });
});
