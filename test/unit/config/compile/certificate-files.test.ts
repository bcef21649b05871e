/** Chains, bundles and their key, as the loader judges them; test/e2e/envoy-files.test.ts holds it to Envoy. */
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  issueCertificate,
  newCertificateKeys,
  type CertificateKeys,
  type Issuer,
} from '../../../../src/pki/issue-certificate.js';
import { PeerCertificates } from '../../../../src/envoy/check/peer-certificates.js';
import {
  configurationText,
  createWorkspace,
  identity,
  loaded,
  nowMs,
  problemsOf,
  serverPair,
  type Workspace,
} from '../workspace.js';

const DAY = 86_400_000;
let workspace: Workspace;
beforeEach(() => {
  workspace = createWorkspace();
});
afterEach(() => workspace.remove());

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

async function issue(
  commonName: string,
  role: 'authority' | 'client' | 'server',
  issuer?: Issuer,
  days = 3650,
  keys = newCertificateKeys(),
) {
  const [notBefore, notAfter] = [new Date(nowMs - DAY), new Date(nowMs + days * DAY)];
  const request = { commonName, role, publicKey: keys.publicKey, notBefore, notAfter };
  const own = { commonName, keys };
  return { certificate: await issueCertificate(request, issuer ?? own), issuer: own };
}

const put = (name: string, text: string): void =>
  writeFileSync(join(workspace.directory, name), text, { mode: 0o600 });
const load = (changes: Readonly<Record<string, unknown>> = {}) =>
  workspace.load(configurationText({ envoy, ...changes }));
const told = (): string[] => problemsOf(load()).map(({ path, message }) => `${path}: ${message}`);
const warned = (changes: Readonly<Record<string, unknown>> = {}): string[] =>
  loaded(load(changes)).warnings.map(({ path, message }) => `${path}: ${message}`);

test('a key of another certificate is refused', async () => {
  put('certs/server.key', (await serverPair()).key);
  expect(told()).toEqual([
    expect.stringMatching(/^envoy.tls.privateKeyFile: is the key of another certificate/),
  ]);
});

test('a chain in the wrong order is refused, with the key and without it', async () => {
  const authority = await issue('ca', 'authority');
  const { certificate, issuer } = await issue('localhost', 'server', authority.issuer);
  put('certs/server.crt', authority.certificate + certificate);
  put('certs/server.key', issuer.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  expect(told()).toEqual([expect.stringContaining('the key belongs to certificate 2 of the file')]);
  const tls = { ...envoy.tls, privateKeyFile: '/nowhere/server.key' };
  const problems = problemsOf(load({ envoy: { ...envoy, tls } }));
  expect(problems).toEqual([
    expect.objectContaining({ message: expect.stringContaining('in the wrong order') as string }),
  ]);
});

test('an encrypted key and one in DER are refused for what they are', () => {
  const keys = newCertificateKeys();
  const key = keys.privateKey;
  put(
    'certs/server.key',
    key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(),
  );
  expect(told()).toEqual([expect.stringContaining('is encrypted with a passphrase')]);
  writeFileSync(join(workspace.directory, 'certs/server.key'), key.export({ type: 'pkcs8', format: 'der' }));
  expect(told()).toEqual([expect.stringContaining('is in DER')]);
});

test('every end counts: a CA of a bundle that has ended or soon will is named', async () => {
  const [old, soon] = [
    await issue('old', 'authority', undefined, -0.5),
    await issue('soon', 'authority', undefined, 13),
  ];
  put('certs/ca.crt', (await issue('ca', 'authority')).certificate + old.certificate + soon.certificate);
  expect(warned()).toEqual([
    'envoy.tls.clientCaFile: certificate 2 of this file has expired',
    expect.stringMatching(
      /^envoy.tls.clientCaFile: certificate 3 of this file ends within 14 days, at 2027-01-14/,
    ),
  ]);
});

test("a client's own certificate in the place of its CA is warned of, and one that issued itself is not", async () => {
  const authority = await issue('ca', 'authority');
  const leaf = await issue('a', 'client', authority.issuer);
  put('certs/ca.crt', leaf.certificate);
  expect(warned()).toEqual([
    expect.stringMatching(/^envoy.tls.clientCaFile: holds no certificate of an authority/),
  ]);
  put('certs/ca.crt', leaf.certificate + authority.certificate);
  expect(warned()).toEqual([]);
  put('certs/ca.crt', (await issue('alone', 'client')).certificate);
  expect(warned()).toEqual([]);
});

test('a pin or a key that ends within 14 days is warned of, and one that ends later is not', () => {
  const end = (days: number): string => new Date(nowMs + days * DAY).toISOString();
  const ending = (days: number) => [
    identity({
      certificates: [{ sha256: 'a'.repeat(64), notAfter: end(days) }],
      keys: [{ kid: 'k1', publicKey: '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=', notAfter: end(days) }],
    }),
  ];
  expect(warned({ identities: ending(13) })).toEqual([
    expect.stringContaining('certificates[0]: this certificate pin ends within 14 days'),
    expect.stringContaining('keys[0].notAfter: this key ends within 14 days'),
  ]);
  expect(warned({ identities: ending(15) })).toEqual([]);
});

test('a pin from a CA that the listener does not trust is warned of, also when the CAs have one name', async () => {
  const [trusted, other] = [await issue('ca', 'authority'), await issue('ca', 'authority')];
  put('certs/ca.crt', trusted.certificate);
  const pinned = (certificate: string) => {
    put('certs/client.pem', certificate);
    return warned({ identities: [identity({ certificates: [{ file: 'certs/client.pem' }] })] });
  };
  expect(pinned((await issue('a', 'client', trusted.issuer)).certificate)).toEqual([]);
  expect(pinned(trusted.certificate)).toEqual([]);
  expect(pinned((await issue('a', 'client', other.issuer)).certificate)).toEqual([
    expect.stringContaining('was not issued by a CA in envoy.tls.clientCaFile, but by "CN=ca"'),
  ]);
});

test('a pin whose key Envoy takes from no client is warned of, where the listener is ours', async () => {
  const trusted = await issue('ca', 'authority');
  put('certs/ca.crt', trusted.certificate);
  const warnedOf = async (keys: CertificateKeys, changes = {}) => {
    put('certs/client.pem', (await issue('a', 'client', trusted.issuer, 3650, keys)).certificate);
    return warned({ identities: [identity({ certificates: [{ file: 'certs/client.pem' }] })], ...changes });
  };
  const ofCurve = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
  for (const keys of [ofCurve('secp384r1'), generateKeyPairSync('rsa', { modulusLength: 2048 })])
    expect(await warnedOf(keys)).toEqual([]);
  const ed25519 = generateKeyPairSync('ed25519');
  expect(await warnedOf(ed25519)).toEqual([
    expect.stringMatching(
      /^identities\[0\]\.certificates\[0\]\.file: has a key of a kind \("ed25519"\) that Envoy takes from no client/,
    ),
  ]);
  expect(await warnedOf(ofCurve('secp521r1'))).toEqual([expect.stringContaining('("ec secp521r1")')]);
  expect(await warnedOf(ed25519, { envoy: undefined })).toEqual([]);
});

test('a key of a kind that OpenSSL does not know is a finding and no crash, of the server and of a caller', async () => {
  const keys = generateKeyPairSync('ed25519');
  const trusted = await issue('ca', 'authority');
  const { certificate } = await issue('a', 'client', trusted.issuer, 3650, keys);
  // The object identifier of Ed25519, 1.3.101.112, becomes that of nothing.
  const bytes = new X509Certificate(certificate).raw;
  bytes[bytes.indexOf(Buffer.from('06032b6570', 'hex')) + 4] = 0x7f;
  put('certs/ca.crt', trusted.certificate);
  const pem = `-----BEGIN CERTIFICATE-----\n${bytes.toString('base64')}\n-----END CERTIFICATE-----\n`;
  put('certs/client.pem', pem);
  expect(warned({ identities: [identity({ certificates: [{ file: 'certs/client.pem' }] })] })).toContainEqual(
    expect.stringContaining('has a key of a kind ("unknown") that Envoy takes from no client'),
  );
  put('certs/server.crt', pem);
  expect(told()).toContainEqual(
    expect.stringMatching(/^envoy\.tls\.certificateFile: has a key of a kind that Envoy does not take/),
  );
});

test('an upstream that is not on this machine is warned of', () => {
  const upstream = { address: '10.0.0.9', port: 9000 };
  expect(warned({ envoy: { ...envoy, upstream } })).toEqual([
    expect.stringContaining('envoy.upstream.address: verified requests go to "10.0.0.9" in plain HTTP'),
  ]);
});

test('a certificate that is longer than the runtime reads is refused, and not pinned to be answered 401', () => {
  const names = Array.from({ length: 1_100 }, (_, index) => `DNS:${index}.${'a'.repeat(36)}.example.org`);
  const command =
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout /dev/null -subj /CN=a';
  const pem = execFileSync('openssl', [...command.split(' '), '-addext', `subjectAltName=${names.join()}`], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  put('certs/client.pem', pem);
  const peer = new PeerCertificates();
  expect(peer.read(Buffer.from(encodeURIComponent(pem)))).toBe('malformed');
  peer.close();
  const problems = problemsOf(
    load({ identities: [identity({ certificates: [{ file: 'certs/client.pem' }] })] }),
  );
  expect(problems).toEqual([
    expect.objectContaining({
      path: 'identities[0].certificates[0].file',
      message: expect.stringContaining('no more than 65536 are read') as string,
    }),
  ]);
});
