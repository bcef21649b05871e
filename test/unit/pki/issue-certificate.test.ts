import { X509Certificate } from 'node:crypto';
import { issueCertificate, newCertificateKeys } from '../../../src/pki/issue-certificate.js';
import { asVersion1 } from '../../support/certificate-version-1.js';

const DAY_MILLISECONDS = 86_400_000;
const NOW = new Date('2026-11-23T12:00:00Z');
const inDays = (days: number): Date => new Date(NOW.getTime() + days * DAY_MILLISECONDS);

describe('a certificate', () => {
  const issuer = { commonName: 'test CA', keys: newCertificateKeys() };
  const request = {
    commonName: 'producer',
    publicKey: newCertificateKeys().publicKey,
    role: 'client',
    notBefore: inDays(-1),
    notAfter: inDays(1),
  } as const;

  it('can be of version 1, as some in the field are', async () => {
    const certificate = new X509Certificate(
      asVersion1(await issueCertificate(request, issuer), issuer.keys.privateKey),
    );
    expect(certificate.verify(issuer.keys.publicKey)).toBe(true);
    expect(certificate.keyUsage).toBeUndefined();
  });

  it('has a serial number of its own', async () => {
    const pems = await Promise.all([1, 2].map(() => issueCertificate(request, issuer)));
    const serials = pems.map((pem) => new X509Certificate(pem).serialNumber);
    expect(new Set(serials).size).toBe(2);
  });

  it('can outlast 2049, when the encoding of the time changes', async () => {
    const late = { ...request, notAfter: new Date('2060-01-02T03:04:05Z') };
    const { validTo } = new X509Certificate(await issueCertificate(late, issuer));
    expect(new Date(validTo).toISOString()).toBe('2060-01-02T03:04:05.000Z');
  });

  it.each(['bücher.example', ''])('is not given out when it would not name %j', async (name) => {
    await expect(issueCertificate({ ...request, names: ['a', name] }, issuer)).rejects.toThrow('not for a, ');
  });

  it('can have a name that is longer than a short length allows', async () => {
    const long = { ...request, commonName: 'p'.repeat(200) };
    expect(new X509Certificate(await issueCertificate(long, issuer)).subject).toBe(`CN=${long.commonName}`);
  });
});
