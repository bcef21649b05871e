import { X509Certificate } from 'node:crypto';
import { certificateFingerprints, normalizeFingerprint } from '../../../src/crypto/certificate.js';
import { certificateFixture } from './support.js';

/** Hashes as `openssl x509 -fingerprint -sha256`, and `openssl pkey -pubin -outform der | sha256sum`, print them. */
const CERTIFICATES = [
  {
    name: 'v1-cn-only',
    certificateSha256: '00b6a78e2ecbed00d3f7e64b562545f109b242dcb006bac750d593d82b8abb37',
    spkiSha256: '32188c6ec64c89fcb13ae74f04b6f87b2156c4ec2a1baa411353ceeb76a6ec9e',
    notBefore: Date.UTC(2026, 10, 23, 12, 6, 10),
    notAfter: Date.UTC(2126, 9, 30, 12, 6, 10),
    subject: 'CN=spectra-producer, O=Countersign test',
  },
  {
    name: 'v3-san',
    certificateSha256: '22437d60ace837a4ebc9067c1a729d06989fe7363fcbbd2aef443e1bb59b61d2',
    spkiSha256: '32188c6ec64c89fcb13ae74f04b6f87b2156c4ec2a1baa411353ceeb76a6ec9e',
    notBefore: Date.UTC(2026, 10, 23, 12, 6, 10),
    notAfter: Date.UTC(2126, 9, 30, 12, 6, 10),
    subject: 'CN=spectra-producer, O=Countersign test',
  },
  {
    name: 'v1-rsa',
    certificateSha256: '749194defab58918d4994107ee8e700857695de351881b4e7eb96a8dcfc0a0c6',
    spkiSha256: 'fd5a1a171e8b0ca9051dc153d4539d04b66108352de97bcc20339526876c833c',
    notBefore: Date.UTC(2026, 10, 23, 12, 6, 11),
    notAfter: Date.UTC(2126, 9, 30, 12, 6, 11),
    subject: 'CN=rsa-producer',
  },
  {
    name: 'v3-ed25519-no-subject',
    certificateSha256: '7fed7b3ff19088a99ae3716887dda4485f6631b9aa8952711448a0512e4a2d59',
    spkiSha256: 'be4a62540aa98477d432755e2f1200066307a5fe98c5fb3e77935f30d6f0c5ce',
    notBefore: Date.UTC(2026, 10, 23, 12, 6, 12),
    notAfter: Date.UTC(2126, 9, 30, 12, 6, 12),
    subject: '',
  },
];

const pem = certificateFixture('v1-cn-only');
const der = new X509Certificate(pem).raw;

describe('the fingerprints of a certificate', () => {
  it.each(CERTIFICATES)('are those of openssl for $name', ({ name, ...facts }) => {
    const text = certificateFixture(name);
    const expected = { ok: true, der: new X509Certificate(text).raw, ...facts };
    expect(certificateFingerprints(text)).toEqual(expected);
    expect(certificateFingerprints(new X509Certificate(text).raw)).toEqual(expected);
    expect(certificateFingerprints(Buffer.from(text))).toEqual(expected);
  });

  it('are the same with Windows line ends and with text before the block', () => {
    expect(certificateFingerprints(pem.replaceAll('\n', '\r\n'))).toEqual(certificateFingerprints(pem));
    expect(certificateFingerprints(`Bag Attributes: none\n${pem}`)).toEqual(certificateFingerprints(pem));
  });

  it.each([
    ['nothing', ''],
    ['no bytes', new Uint8Array()],
    ['text', 'certificate'],
    ['two certificates', pem + certificateFixture('v3-san')],
    ['text after the block', `${pem}x`],
    ['another label', pem.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')],
    ['base64 with a character missing', pem.replace('M', '')],
    ['DER with a byte after it', Buffer.concat([der, Buffer.alloc(1)])],
    ['DER with a byte missing', der.subarray(0, -1)],
    [
      'DER with an indefinite length',
      Buffer.concat([Buffer.from([0x30, 0x80]), der.subarray(4), Buffer.alloc(2)]),
    ],
    [
      'a public key',
      '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n',
    ],
    ['more than any header holds', '-----BEGIN CERTIFICATE-----\n'.repeat(20_000)],
  ])('are not guessed for %s', (_, input) => {
    expect(certificateFingerprints(input)).toEqual({ ok: false });
  });

  it('are not given when any byte of the structure is cut away', () => {
    const cuts = Array.from({ length: der.length }, (_, i) =>
      Buffer.concat([der.subarray(0, i), der.subarray(i + 1)]),
    );
    expect(cuts.filter((cut) => certificateFingerprints(cut).ok)).toEqual([]);
  });
});

describe('the text of a fingerprint', () => {
  const hex = 'ab'.repeat(32);

  it.each([
    ['64 lower-case digits', hex],
    ['64 upper-case digits', hex.toUpperCase()],
    ['pairs joined by colons', Array<string>(32).fill('AB').join(':')],
  ])('may be %s', (_, text) => {
    expect(normalizeFingerprint(text)).toBe(hex);
  });

  it.each([
    ['nothing', ''],
    ['63 digits', hex.slice(1)],
    ['65 digits', `${hex}a`],
    ['a newline after it', `${hex}\n`],
    ['a blank before it', ` ${hex}`],
    ['a letter that is no digit', `${hex.slice(1)}g`],
    ['31 pairs', Array<string>(31).fill('ab').join(':')],
    ['a colon too many', `${Array<string>(32).fill('ab').join(':')}:`],
    ['colons in other places', `a:b${'ab'.repeat(31)}`],
    ['a prefix', `sha256:${hex}`],
    ['full-width digits', '\uff11'.repeat(64)],
  ])('is not %s', (_, text) => {
    expect(normalizeFingerprint(text)).toBeUndefined();
  });
});
