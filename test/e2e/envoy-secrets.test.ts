/**
 * Certificates and keys as files can hold them: what the loader calls good Envoy loads, and what Envoy refuses, or
 * passes over without a word, the loader refuses. And a gateway that has no certificate to show is not healthy.
 */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { stringify } from 'yaml';
import {
  issueCertificate,
  newCertificateKeys,
  type CertificateKeys,
  type Issuer,
} from '../../src/pki/issue-certificate.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { loadConfiguration } from '../../src/config/load.js';
import { renderBootstrap } from '../../src/envoy-config/bootstrap.js';
import { DEFAULT_BOOTSTRAP_OPTIONS } from '../../src/envoy-config/options.js';
import { renderClientCaSds, renderServerSds } from '../../src/envoy-config/tls.js';
import { until } from '../support/until.js';
import { configurationText } from '../unit/config/workspace.js';
import { anyFreePort } from './support/free-port.js';

const HOUR = 3_600_000;
const MARK = '\ufeff';

async function issue(
  commonName: string,
  role: 'authority' | 'client' | 'server',
  issuer?: Issuer,
  keys = newCertificateKeys(),
) {
  const [notBefore, notAfter] = [new Date(Date.now() - HOUR), new Date(Date.now() + 1000 * HOUR)];
  const request = { commonName, role, publicKey: keys.publicKey, notBefore, notAfter };
  const certificate = await issueCertificate(request, issuer ?? { commonName, keys });
  return { certificate, key: pem(keys.privateKey), keys, issuer: { commonName, keys } };
}
function pem(key: KeyObject, cipher = {}): string {
  return key.export({ type: 'pkcs8', format: 'pem', ...cipher }).toString();
}
const cut = (text: string): string => `${text.split('\n').slice(0, 4).join('\n')}\n`;

const first = await issue('first', 'authority');
const second = (await issue('second', 'authority')).certificate;
const intermediate = await issue('intermediate', 'authority', first.issuer);
const server = await issue('localhost', 'server', intermediate.issuer);
const chain = server.certificate + intermediate.certificate;
const ofCurve = (namedCurve: string) =>
  issue('localhost', 'server', first.issuer, generateKeyPairSync('ec', { namedCurve }));
const [p521, koblitz] = [await ofCurve('secp521r1'), await ofCurve('secp256k1')];

/** What the loader warns of among pins (`src/config/compile/certificates.ts`). */
const clientOf = (keys: CertificateKeys) => issue('client', 'client', first.issuer, keys);
const clients = [
  ['P-256', await clientOf(newCertificateKeys()), true],
  ['P-384', await clientOf(generateKeyPairSync('ec', { namedCurve: 'secp384r1' })), true],
  ['RSA', await clientOf(generateKeyPairSync('rsa', { modulusLength: 2048 })), true],
  ['P-521', await clientOf(generateKeyPairSync('ec', { namedCurve: 'secp521r1' })), false],
  ['Ed25519', await clientOf(generateKeyPairSync('ed25519')), false],
] as const;

interface Files {
  readonly certificate: string | Buffer;
  readonly key: string | Buffer;
  readonly authorities: string | Buffer;
}
const good: Files = { certificate: chain, key: server.key, authorities: first.certificate + second };
const der = (text: string): Buffer => Buffer.from(text.replace(/-----[^-]*-----|\s/g, ''), 'base64');

type Verdict =
  'both take it' | 'both refuse it' | 'Envoy passes over a part of it, and the loader refuses it';
const silent: Verdict = 'Envoy passes over a part of it, and the loader refuses it';
const cases: [what: string, changes: Partial<Files>, verdict: Verdict][] = [
  ['a chain, its key and two CAs', {}, 'both take it'],
  [
    'lines of text around the certificates',
    {
      certificate: `a\n${server.certificate}b\n${intermediate.certificate}c\n`,
      authorities: `# first\n${first.certificate}# second\n${second}`,
    },
    'both take it',
  ],
  ['line ends of Windows', { certificate: chain.replaceAll('\n', '\r\n') }, 'both take it'],
  [
    'a key after its parameters, in SEC1',
    {
      key: `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${server.keys.privateKey.export({ type: 'sec1', format: 'pem' }).toString()}`,
    },
    'both take it',
  ],
  ['the key in the file of the certificate too', { certificate: chain + server.key }, 'both take it'],
  ['a key on P-521', { certificate: p521.certificate, key: p521.key }, 'both take it'],
  ['a key on secp256k1', { certificate: koblitz.certificate, key: koblitz.key }, 'both refuse it'],
  ['the key of another certificate', { key: first.key }, 'both refuse it'],
  [
    'an encrypted key',
    { key: pem(server.keys.privateKey, { cipher: 'aes-256-cbc', passphrase: 'x' }) },
    'both refuse it',
  ],
  [
    'a key in DER',
    { key: server.keys.privateKey.export({ type: 'pkcs8', format: 'der' }) },
    'both refuse it',
  ],
  ['a key behind a byte-order mark', { key: MARK + server.key }, 'both refuse it'],
  ['a certificate in DER', { certificate: der(server.certificate) }, 'both refuse it'],
  ['a certificate behind a byte-order mark', { certificate: MARK + server.certificate }, 'both refuse it'],
  [
    'a chain in the wrong order',
    { certificate: intermediate.certificate + server.certificate },
    'both refuse it',
  ],
  [
    'a chain whose second block is cut off',
    { certificate: server.certificate + cut(intermediate.certificate) },
    'both refuse it',
  ],
  [
    'a chain whose blocks share a line',
    { certificate: server.certificate.trimEnd() + intermediate.certificate },
    'both refuse it',
  ],
  [
    'a second block that is no certificate',
    { certificate: `${server.certificate}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n` },
    'both refuse it',
  ],
  ['a second CA that is cut off', { authorities: first.certificate + cut(second) }, 'both refuse it'],
  ['CAs in DER', { authorities: der(second) }, 'both refuse it'],
  ['no CA at all', { authorities: 'nothing\n' }, 'both refuse it'],
  [
    'a second part of a chain behind a byte-order mark',
    { certificate: server.certificate + MARK + intermediate.certificate },
    silent,
  ],
  ['a second CA behind a byte-order mark', { authorities: first.certificate + MARK + second }, silent],
  ['a second CA behind text in its line', { authorities: `${first.certificate}# second ${second}` }, silent],
];

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cs-secrets-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const NAMES = { certificate: 'server.crt', key: 'server.key', authorities: 'ca.crt' } as const;

function lay(name: string, files: Files): string {
  const place = join(directory, name);
  mkdirSync(place, { recursive: true });
  for (const part of ['certificate', 'key', 'authorities'] as const)
    writeFileSync(join(place, NAMES[part]), files[part], { mode: 0o600 });
  return place;
}

function loaderTakes(place: string): boolean {
  const tls = {
    certificateFile: NAMES.certificate,
    privateKeyFile: NAMES.key,
    clientCaFile: NAMES.authorities,
  };
  const at = (port: number) => ({ address: '127.0.0.1', port });
  const envoy = { listener: at(8443), admin: at(9901), upstream: at(9000), tls };
  const file = join(place, 'countersign.yaml');
  writeFileSync(file, configurationText({ envoy }));
  return loadConfiguration(file, { generation: 1, nowMs: Date.now() }).ok;
}

/** The last line that the script prints is the path of an Envoy. */
function findEnvoy(parameters: readonly string[]): string {
  return execFileSync('scripts/envoy.sh', parameters, { encoding: 'utf8', stdio: 'pipe' })
    .trimEnd()
    .split('\n')
    .at(-1)!;
}

/** Validation reads the files of secrets that stand in the listener itself. */
function envoyTakes(envoy: string, place: string): boolean {
  const file = (name: string) => ({ filename: join(place, name) });
  const common_tls_context = {
    tls_certificates: [{ certificate_chain: file(NAMES.certificate), private_key: file(NAMES.key) }],
    validation_context: { trusted_ca: file(NAMES.authorities) },
  };
  const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';
  const listener = {
    address: { socket_address: { address: '127.0.0.1', port_value: 8443 } },
    filter_chains: [
      {
        transport_socket: {
          name: 'envoy.transport_sockets.tls',
          typed_config: { '@type': type, require_client_certificate: true, common_tls_context },
        },
      },
    ],
  };
  const under = join(place, 'envoy.yaml');
  writeFileSync(under, stringify({ static_resources: { listeners: [listener] } }));
  const command = ['--mode', 'validate', '-l', 'critical', '-c', under];
  return spawnSync(envoy, command, { stdio: 'ignore' }).status === 0;
}

const lines: [line: string, parameters: string[]][] = [
  ['the Envoy to run', []],
  ['Envoy 1.36', ['--version-line', '1.36']],
];

describe.each(lines)('%s and the loader', (_line, parameters) => {
  let envoy: string;
  beforeAll(() => {
    envoy = findEnvoy(parameters);
  }, 120_000);

  test.each(cases)('%s', (what, changes, verdict) => {
    const place = lay(what.replaceAll(' ', '-'), { ...good, ...changes });
    const expected = { loader: verdict === 'both take it', envoy: verdict !== 'both refuse it' };
    expect({ loader: loaderTakes(place), envoy: envoyTakes(envoy, place) }).toEqual(expected);
  });
});

/** Says that it serves, whatever it is asked: grpc.health.v1.HealthCheckResponse { status: SERVING }. */
function healthyVerifier(socketPath: string): Promise<Http2Server> {
  const verifier = createServer();
  verifier.on('stream', (stream) => {
    // An Envoy that is ended in the middle of a check breaks its stream off; nobody waits for that answer.
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.from([0, 0, 0, 0, 2, 8, 1]));
  });
  return new Promise((resolve) => verifier.listen(socketPath, () => resolve(verifier)));
}

describe.each(lines)('the health listener of %s', (_line, parameters) => {
  let envoy: ChildProcess | undefined;
  let verifier: Http2Server | undefined;
  afterEach(async () => {
    if (envoy?.exitCode === null && envoy.signalCode === null) {
      const ended = new Promise((resolve) => envoy?.once('exit', resolve));
      envoy.kill();
      await ended;
    }
    verifier?.close();
  }, 30_000);

  async function start(files: Files, clientCertificate: 'required' | 'optional' = 'required') {
    const place = lay(`health-${parameters.length}`, files);
    const [listener, health, admin] = [await anyFreePort(), await anyFreePort(), await anyFreePort()];
    const at = (port: number) => ({ address: '127.0.0.1', port });
    verifier = await healthyVerifier(join(directory, `v${parameters.length}-${admin}.sock`));
    const file = (name: string, text: string): string => {
      writeFileSync(join(place, name), text);
      return join(place, name);
    };
    const sds = {
      certificateFile: join(place, NAMES.certificate),
      privateKeyFile: join(place, NAMES.key),
      caFile: join(place, NAMES.authorities),
      watchedDirectory: place,
      clientCertificate,
    };
    const bootstrap = renderBootstrap({
      ...DEFAULT_BOOTSTRAP_OPTIONS,
      listener: at(listener),
      healthListener: at(health),
      admin: at(admin),
      verifierSocketPaths: [join(directory, `v${parameters.length}-${admin}.sock`)],
      tls: {
        serverSdsPath: file('sds-server.yaml', renderServerSds(sds)),
        clientCaSdsPath: file('sds-client-ca.yaml', renderClientCaSds(sds)),
        watchedDirectory: place,
        clientCertificate,
      },
    });
    const command = ['-c', file('bootstrap.yaml', bootstrap), '-l', 'critical', '--concurrency', '1'];
    envoy = spawn(findEnvoy(parameters), [...command, '--disable-hot-restart'], { stdio: 'ignore' });
    const page = async (port: number, path: string) =>
      (await fetchPage(`http://127.0.0.1:${port}${path}`).catch(() => undefined)) ?? { status: 0, body: '' };
    return {
      place,
      healthz: async () => (await page(health, '/healthz')).status,
      stat: async (filter: string) => (await page(admin, `/stats?filter=${filter}`)).body,
      shown: () => handshake(listener),
      takes: (client: { certificate: string; key: string }) => isAnswered(listener, client),
    };
  }
  const knocked = /health_check.failure: [3-9]/;

  test('is 503 while there is no certificate to show, though the verifier serves', async () => {
    const gateway = await start({ ...good, key: first.key });
    await until('the verifier is healthy', async () =>
      (await gateway.stat('cluster.verifier.membership_healthy')).includes('membership_healthy: 1'),
    );
    await until('it has knocked at its own door', async () =>
      knocked.test(await gateway.stat('cluster.door.health_check.failure')),
    );
    expect([await gateway.healthz(), await gateway.shown()]).toEqual([503, false]);
  }, 60_000);

  test('a client certificate that may be left out is no way in while there is no CA to judge one by', async () => {
    const gateway = await start({ ...good, authorities: 'nothing\n' }, 'optional');
    await until('it has knocked at its own door', async () =>
      knocked.test(await gateway.stat('cluster.door.health_check.failure')),
    );
    expect([await gateway.healthz(), await gateway.shown()]).toEqual([503, false]);
  }, 60_000);

  test('is 200 once there is one, and stays so when a later one is broken', async () => {
    const gateway = await start(good);
    await until('it is healthy', async () => (await gateway.healthz()) === 200);
    expect(await gateway.shown()).toBe(true);
    for (const [kind, client, isTaken] of clients)
      expect([kind, await gateway.takes(client)]).toEqual([kind, isTaken]);
    writeFileSync(
      join(gateway.place, 'new'),
      readFileSync(join(gateway.place, NAMES.key), 'utf8').slice(0, 40),
    );
    renameSync(join(gateway.place, 'new'), join(gateway.place, NAMES.key));
    await until('the new key was refused', async () =>
      /key_rotation_failed: [1-9]/.test(await gateway.stat('key_rotation_failed')),
    );
    expect([await gateway.healthz(), await gateway.shown()]).toEqual([200, true]);
  }, 60_000);
});

/** Whether a client with this certificate gets any answer, here a 400. TLS 1.3 tells it of a refusal after its own handshake only. */
function isAnswered(port: number, { certificate: cert, key }: { certificate: string; key: string }) {
  return new Promise<boolean>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, cert, key, rejectUnauthorized: false }, () =>
      socket.write('no HTTP\r\n\r\n'),
    );
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

function handshake(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
