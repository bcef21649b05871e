import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { issueCertificate, newCertificateKeys } from '../../../src/pki/issue-certificate.js';
import { ensureCertificates, type Certificates } from '../../../tools/local-federation/certificates.js';
import { temporaryPlace } from './temporary-place.js';

const DAY_MILLISECONDS = 86_400_000;
const NOW = new Date('2026-11-23T12:00:00Z');
const inDays = (days: number): Date => new Date(NOW.getTime() + days * DAY_MILLISECONDS);
const parse = (file: string): X509Certificate => new X509Certificate(readFileSync(file));

describe('the certificates of the local federation', () => {
  const place = temporaryPlace();
  const ensure = (now = NOW): Promise<Certificates> =>
    ensureCertificates(place(), ['producer-a', 'producer-b'], now);

  it('name this machine on the server and are issued by the authority', async () => {
    const { server, authorityFile } = await ensure();
    const certificate = parse(server.certificateFile);
    expect(certificate.subjectAltName).toBe(
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(certificate.checkIssued(parse(authorityFile))).toBe(true);
    expect(certificate.verify(parse(authorityFile).publicKey)).toBe(true);
  });

  it.each(['producerA', 'producerB', 'unpinned'] as const)(
    'give %s a common name, no subject alternative name, and client authentication alone',
    async (name) => {
      const certificate = parse((await ensure())[name].certificateFile);
      expect(certificate.subject).toMatch(/^CN=/);
      expect(certificate.subjectAltName).toBeUndefined();
      expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2']);
      expect(certificate.ca).toBe(false);
    },
  );

  it('make the authority one', async () => {
    const authority = parse((await ensure()).authorityFile);
    expect([authority.ca, authority.verify(authority.publicKey)]).toEqual([true, true]);
  });

  it('state the SHA-256 of the DER', async () => {
    const { sha256, certificateFile } = (await ensure()).producerA;
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(parse(certificateFile).fingerprint256.replaceAll(':', '').toLowerCase()).toBe(sha256);
  });

  it('are readable by their owner alone', async () => {
    for (const file of [(await ensure()).producerA.keyFile, (await ensure()).server.keyFile]) {
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
  });

  it('are used again', async () => {
    const first = await ensure();
    const second = await ensure(inDays(30));
    expect(second).toEqual({ ...first, renewed: [] });
  });

  it.each([
    ['have expired', 398, /expired on/],
    ['expire within a week', 391, /expires on/],
  ])('are made anew when they %s, and the authority stays', async (_when, days, reason) => {
    const before = await ensure();
    const authority = readFileSync(before.authorityFile, 'utf8');
    const after = await ensure(inDays(days));
    expect(after.producerA.sha256).not.toBe(before.producerA.sha256);
    expect(after.renewed).toHaveLength(4);
    for (const line of after.renewed) expect(line).toMatch(reason);
    expect(readFileSync(after.authorityFile, 'utf8')).toBe(authority);
  });

  it('are all made anew when the authority has expired', async () => {
    await ensure();
    const { renewed } = await ensure(inDays(4_000));
    expect(renewed).toHaveLength(5);
  });

  it('are made anew when the clock went back before them', async () => {
    await ensure();
    expect((await ensure(inDays(-30))).renewed.join()).toMatch(/not valid before/);
  });

  it.each([
    ['is no certificate', 'producer-a.crt', 'garbage', /producer-a: unreadable/],
    ['is no key', 'producer-a.key', 'garbage', /producer-a: unreadable/],
  ])('are made anew when a file %s', async (_what, file, text, reason) => {
    await ensure();
    writeFileSync(join(place().certificates, file), text);
    const { renewed } = await ensure();
    expect(renewed).toHaveLength(1);
    expect(renewed[0]).toMatch(reason);
  });

  it('are made anew when the key belongs to another certificate', async () => {
    const { producerB } = await ensure();
    writeFileSync(join(place().certificates, 'producer-a.key'), readFileSync(producerB.keyFile));
    expect((await ensure()).renewed).toEqual(['producer-a: its private key is another one']);
  });

  it('are made anew when another authority issued them', async () => {
    await ensure();
    const keys = newCertificateKeys();
    const other = { commonName: 'other', keys: newCertificateKeys() };
    const validity = { notBefore: inDays(-1), notAfter: inDays(300) };
    const request = {
      commonName: 'producer-a',
      publicKey: keys.publicKey,
      role: 'client',
      ...validity,
    } as const;
    const pem = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    writeFileSync(join(place().certificates, 'producer-a.crt'), await issueCertificate(request, other));
    writeFileSync(join(place().certificates, 'producer-a.key'), pem);
    expect((await ensure()).renewed).toEqual(['producer-a: issued by another authority']);
  });
});
