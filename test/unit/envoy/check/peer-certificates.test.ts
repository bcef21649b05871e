import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { PeerCertificates } from '../../../../src/envoy/check/peer-certificates.js';

const openssl = (command: string, input = ''): Buffer =>
  execFileSync('openssl', command.split(' '), { input, stdio: ['pipe', 'pipe', 'ignore'] });
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A certificate as the field has them, with OpenSSL's own word on what its hashes are. */
const pem = openssl(
  'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout /dev/null -subj /CN=producer -days 2',
).toString();
const certificateSha256 = sha256(openssl('x509 -outform DER', pem));
const publicKey = openssl('x509 -pubkey -noout', pem).toString();
const spkiSha256 = sha256(openssl('pkey -pubin -outform DER', publicKey));

let certificates: PeerCertificates;
beforeEach(() => (certificates = new PeerCertificates()));
afterEach(() => certificates.close());

/** As Envoy writes it: everything but unreserved characters is percent-encoded. */
const asEnvoy = (text: string): Buffer => Buffer.from(encodeURIComponent(text));

describe('the certificate that Envoy saw', () => {
  it('is hashed whole and by its public key', () => {
    expect(certificates.read(asEnvoy(pem))).toMatchObject({ certificateSha256, spkiSha256 });
  });

  it('gives the same answer again, from what is remembered', () => {
    const first = certificates.read(asEnvoy(pem));
    expect(certificates.read(asEnvoy(pem))).toBe(first);
  });

  it('is not confused with another one by what is remembered', () => {
    certificates.read(asEnvoy(pem));
    expect(certificates.read(asEnvoy(`${pem}x`))).toBe('malformed');
    expect(certificates.read(asEnvoy(pem))).toMatchObject({ certificateSha256, spkiSha256 });
  });

  it('is remembered apart from the buffer that it came in', () => {
    const buffer = asEnvoy(pem);
    certificates.read(buffer);
    buffer.fill(0x41);
    expect(certificates.read(buffer)).toBe('malformed');
  });

  it('is missing when there is none', () => {
    expect(certificates.read(Buffer.alloc(0))).toBe('missing');
  });

  it.each<[string, () => Buffer]>([
    ['text that is no PEM', () => asEnvoy('hello')],
    ['a percent sign without digits', () => Buffer.from('%zz')],
    ['percent-encoded bytes that are no UTF-8', () => Buffer.from('%ff%fe')],
    ['two certificates', () => asEnvoy(pem + pem)],
    ['text before the certificate', () => asEnvoy(`x${pem}`)],
    ['a certificate that is cut', () => asEnvoy(pem.slice(0, -40))],
    ['another kind of PEM', () => asEnvoy(pem.replaceAll('CERTIFICATE', 'PUBLIC KEY'))],
    ['one that is far too long', () => Buffer.alloc(65_537, 0x41)],
  ])('is malformed as %s', (_title, written) => {
    expect(certificates.read(written())).toBe('malformed');
  });

  it('is found again after more others than are kept at hand', () => {
    const answers = Array.from({ length: 20 }, (_, index) =>
      certificates.read(asEnvoy(pem + '\n'.repeat(index))),
    );
    expect(answers[0]).toMatchObject({ certificateSha256, spkiSha256 });
    expect(certificates.read(asEnvoy(pem))).toBe(answers[0]);
  });
});
