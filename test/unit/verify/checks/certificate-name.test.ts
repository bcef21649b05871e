/** Which certificates prove a name under an authority, and which only bear it. */
import { X509Certificate } from 'node:crypto';
import type { Extension } from '@peculiar/x509';
import { CertificateAuthority, LeafCertificate } from '../../../../src/crypto/authority.js';
import { checkCertificateNames } from '../../../../src/verify/checks/certificate-name.js';
import { checkIdentity } from '../../../../src/verify/checks/identity.js';
import type { PeerCertificate } from '../../../../src/verify/inbound-request.js';
import type { CertificateName, Identity } from '../../../../src/verify/snapshot.js';
import { asVersion1 } from '../../../support/certificate-version-1.js';
import {
  namedCertificate,
  testAuthority,
  x509,
  type NamedCertificate,
  type TestAuthority,
} from '../../../support/named-certificates.js';
import { always, CERTIFICATE, IDENTITY, makeIdentity, makeSnapshot } from '../../../support/snapshots.js';

const NOW_MS = Date.now();
const MINUTE = 60_000;
const ID = 'spiffe://example.org/ns/production/sa/producer';
const DNS = 'producer.example.org';

const ca = await testAuthority('the CA');
const renewed = await testAuthority('the CA', { keys: ca.keys });
const twin = await testAuthority('the CA');
const ended = await testAuthority('the CA', { keys: ca.keys, notAfterMs: NOW_MS - MINUTE });
const { digitalSignature, keyCertSign, cRLSign, keyAgreement } = x509.KeyUsageFlags;

const authorityOf = (...certificates: readonly TestAuthority[]): CertificateAuthority =>
  new CertificateAuthority(
    'producers',
    'example.org',
    certificates.map(({ certificate }) => new X509Certificate(certificate)),
  );
const peerOf = (pem: string): PeerCertificate => ({
  ...CERTIFICATE,
  leaf: new LeafCertificate(new X509Certificate(pem).raw),
});
const uriName: CertificateName = {
  kind: 'uri',
  name: ID,
  authority: 'producers',
  issuedFromMs: -Infinity,
  ...always,
};
const dnsName: CertificateName = { ...uriName, kind: 'dns', name: DNS };

interface Asked {
  readonly names?: readonly CertificateName[];
  readonly authority?: CertificateAuthority | undefined;
  readonly nowMs?: number;
}

function verdictOn(peer: PeerCertificate, { names = [uriName], nowMs = NOW_MS, ...rest }: Asked = {}) {
  const authority = 'authority' in rest ? rest.authority : authorityOf(ca);
  const snapshot = {
    ...makeSnapshot({}),
    authorities: new Map(authority === undefined ? [] : [['producers', authority]]),
  };
  const identity = makeIdentity({ pins: [], certificateNames: names });
  const verdict = checkCertificateNames(identity, peer, snapshot, nowMs);
  return typeof verdict === 'string' ? verdict : verdict.code;
}

const issued = async (certificate: NamedCertificate, by: TestAuthority = ca): Promise<PeerCertificate> =>
  peerOf(await namedCertificate(certificate, by));

describe('a certificate proves a name', () => {
  test.each<[string, NamedCertificate, Asked]>([
    ['by its only URI', { uris: [ID] }, {}],
    ['by its URI beside DNS names', { uris: [ID], dnsNames: ['other.example'] }, {}],
    ['by one of its DNS names', { dnsNames: ['other.example', DNS] }, { names: [dnsName] }],
    ['by a DNS name in capitals', { dnsNames: [DNS.toUpperCase()] }, { names: [dnsName] }],
    ['without key usage and purpose', { uris: [ID], extensions: [] }, {}],
    ['by the second of two names', { uris: [ID] }, { names: [dnsName, uriName] }],
    [
      'issued from the moment that is demanded',
      { uris: [ID], notBeforeMs: NOW_MS - MINUTE },
      {
        names: [{ ...uriName, issuedFromMs: Math.floor((NOW_MS - MINUTE) / 1000) * 1000 }],
      },
    ],
    [
      'under one of several certificates of the authority',
      { uris: [ID] },
      { authority: authorityOf(twin, ca) },
    ],
    [
      'where one that issued it has ended and its renewal has not',
      { uris: [ID] },
      { authority: authorityOf(ended, renewed) },
    ],
  ])('%s', async (_, certificate, asked) => {
    expect(verdictOn(await issued(certificate), asked)).toBe('name_under_authority');
  });
});

const usage = (bits: InstanceType<typeof x509.KeyUsagesExtension>['usages']): Extension =>
  new x509.KeyUsagesExtension(bits, true);
const purpose = (...ids: string[]): Extension => new x509.ExtendedKeyUsageExtension(ids, false);
const unknown = (critical: boolean): Extension =>
  new x509.Extension('1.2.3.4', critical, new Uint8Array([5, 0]));

describe('a certificate that bears the name proves nothing', () => {
  test.each<[string, NamedCertificate, string, Asked]>([
    [
      'when another URI stands beside it',
      { uris: [ID, 'spiffe://example.org/other'] },
      'certificate_name_mismatch',
      {},
    ],
    ['when it stands there twice', { uris: [ID, ID] }, 'certificate_name_mismatch', {}],
    [
      'in other capitals',
      { uris: [ID.replace('production', 'Production')] },
      'certificate_name_mismatch',
      {},
    ],
    [
      'with its scheme in capitals',
      { uris: [ID.replace('spiffe', 'SPIFFE')] },
      'certificate_name_mismatch',
      {},
    ],
    ['with more behind it', { uris: [`${ID}/more`] }, 'certificate_name_mismatch', {}],
    ['with a slash at its end', { uris: [`${ID}/`] }, 'certificate_name_mismatch', {}],
    ['encoded', { uris: [ID.replace('producer', '%70roducer')] }, 'certificate_name_mismatch', {}],
    ['with a NUL behind it', { uris: [`${ID}\0`] }, 'certificate_name_mismatch', {}],
    [
      'with a NUL and more behind it',
      { dnsNames: [`${DNS}\0.evil.example`] },
      'certificate_name_mismatch',
      { names: [dnsName] },
    ],
    [
      'when another name has a NUL',
      { dnsNames: [DNS, 'a\0b'] },
      'certificate_name_mismatch',
      { names: [dnsName] },
    ],
    ['with a space behind it', { dnsNames: [`${DNS} `] }, 'certificate_name_mismatch', { names: [dnsName] }],
    ['as a wildcard', { dnsNames: ['*.example.org'] }, 'certificate_name_mismatch', { names: [dnsName] }],
    ['with a dot at its end', { dnsNames: [`${DNS}.`] }, 'certificate_name_mismatch', { names: [dnsName] }],
    ['as its common name alone', { subject: DNS }, 'certificate_name_mismatch', { names: [dnsName] }],
    ['as a DNS name where a URI is wanted', { dnsNames: [ID] }, 'certificate_name_mismatch', {}],
    [
      'as a URI where a DNS name is wanted',
      { uris: [DNS] },
      'certificate_name_mismatch',
      { names: [dnsName] },
    ],
    [
      'when it is a CA',
      { uris: [ID], extensions: [new x509.BasicConstraintsExtension(true, 0, true)] },
      'certificate_untrusted',
      {},
    ],
    [
      'when its key may sign certificates',
      { uris: [ID], extensions: [usage(digitalSignature | keyCertSign)] },
      'certificate_untrusted',
      {},
    ],
    [
      'when its key may sign lists',
      { uris: [ID], extensions: [usage(digitalSignature | cRLSign)] },
      'certificate_untrusted',
      {},
    ],
    [
      'when its key may sign nothing',
      { uris: [ID], extensions: [usage(keyAgreement)] },
      'certificate_untrusted',
      {},
    ],
    [
      'when it is for servers',
      { uris: [ID], extensions: [purpose('1.3.6.1.5.5.7.3.1')] },
      'certificate_untrusted',
      {},
    ],
    [
      'with a critical extension that nobody knows',
      { uris: [ID], extensions: [unknown(true)] },
      'certificate_untrusted',
      {},
    ],
    ['signed with SHA-1', { uris: [ID], hash: 'SHA-1' }, 'certificate_untrusted', {}],
    ['before it is valid', { uris: [ID], notBeforeMs: NOW_MS + MINUTE }, 'certificate_name_not_valid', {}],
    ['when it has ended', { uris: [ID], notAfterMs: NOW_MS - MINUTE }, 'certificate_name_not_valid', {}],
    [
      'when the name does not count any more',
      { uris: [ID] },
      'certificate_name_not_valid',
      { names: [{ ...uriName, notAfterMs: NOW_MS }] },
    ],
    [
      'when the name does not count yet',
      { uris: [ID] },
      'certificate_name_not_valid',
      { names: [{ ...uriName, notBeforeMs: NOW_MS + 1 }] },
    ],
    [
      'when it was issued too early',
      { uris: [ID] },
      'certificate_name_not_valid',
      { names: [{ ...uriName, issuedFromMs: NOW_MS }] },
    ],
    [
      'when its issuer has ended',
      { uris: [ID] },
      'certificate_name_not_valid',
      { authority: authorityOf(ended) },
    ],
    [
      'under an authority of the same name',
      { uris: [ID] },
      'certificate_untrusted',
      { authority: authorityOf(twin) },
    ],
    [
      'under an authority without certificates',
      { uris: [ID] },
      'certificate_untrusted',
      { authority: authorityOf() },
    ],
    ['under an authority that is gone', { uris: [ID] }, 'certificate_untrusted', { authority: undefined }],
  ])('%s', async (_, certificate, code, asked) => {
    expect(verdictOn(await issued(certificate), asked)).toBe(code);
  });

  test('with an extension that nobody knows and that is not critical it does', async () => {
    expect(verdictOn(await issued({ uris: [ID], extensions: [unknown(false)] }))).toBe(
      'name_under_authority',
    );
  });

  test('when it signed itself', async () => {
    const own = await testAuthority('a stranger', { uris: [ID], extensions: [] });
    expect(verdictOn(peerOf(own.certificate))).toBe('certificate_untrusted');
    const forged = await namedCertificate({ uris: [ID] }, { subject: ca.subject, keys: own.keys });
    expect(verdictOn(peerOf(forged))).toBe('certificate_untrusted');
  });

  test('when it is the authority itself', () => {
    expect(verdictOn(peerOf(ca.certificate))).toBe('certificate_name_mismatch');
  });

  test('in version 1, which has no extensions', async () => {
    const pem = asVersion1(await namedCertificate({ uris: [ID] }, ca), ca.keys.privateKey);
    expect(verdictOn(peerOf(pem))).toBe('certificate_name_mismatch');
  });

  test('when only its hash is known', () => {
    expect(verdictOn(CERTIFICATE)).toBe('certificate_details_missing');
  });
});

test('one byte changed anywhere proves nothing', async () => {
  const pem = await namedCertificate({ uris: [ID] }, ca);
  const der = new X509Certificate(pem).raw;
  expect(verdictOn(peerOf(pem))).toBe('name_under_authority');
  const proven: number[] = [];
  der.forEach((byte, at) => {
    const changed = Buffer.from(der);
    changed[at] = byte ^ 0x01;
    let peer: PeerCertificate;
    try {
      peer = peerOf(new X509Certificate(changed).toString());
    } catch {
      return;
    }
    if (verdictOn(peer) === 'name_under_authority') proven.push(at);
  });
  expect(proven).toEqual([]);
});

test('cut off at any byte it is read without an exception', async () => {
  const der = new X509Certificate(await namedCertificate({ uris: [ID], dnsNames: [DNS] }, ca)).raw;
  const { readExtensions } = await import('../../../../src/crypto/certificate-extensions.js');
  for (let length = 0; length < der.length; length++)
    expect(readExtensions(der.subarray(0, length))).toBeUndefined();
  expect(readExtensions(der)?.size).toBe(3);
});

test('what an authority issued is found out once, and again after a reload', async () => {
  const peer = await issued({ uris: [ID] });
  const authority = authorityOf(ca);
  expect(peer.leaf?.issuersIn(authority)).toBe(peer.leaf?.issuersIn(authority));
  expect(peer.leaf?.issuersIn(authorityOf(twin))).toEqual([]);
  expect(verdictOn(peer, { authority: authorityOf(twin) })).toBe('certificate_untrusted');
  expect(verdictOn(peer, { authority })).toBe('name_under_authority');
});

describe('what an identity rests on', () => {
  const signed = {
    identity: IDENTITY,
    kid: undefined,
    claimedCertificateSha256: undefined,
    proof: undefined,
  };
  const known = async (change: Partial<Identity>, peer?: PeerCertificate) => {
    const snapshot = {
      ...makeSnapshot({ identity: change }),
      authorities: new Map([['producers', authorityOf(ca)]]),
    };
    const verdict = checkIdentity(signed, peer ?? (await issued({ uris: [ID] })), snapshot, NOW_MS);
    return verdict.kind === 'refuse' ? verdict.code : verdict.assurance;
  };
  const pin = { kind: 'certificate', sha256: CERTIFICATE.certificateSha256, ...always } as const;
  const keyPin = { kind: 'spki', sha256: CERTIFICATE.spkiSha256, ...always } as const;
  const certificateNames = [uriName];
  const meshNames = [{ name: ID, ...always }];
  const mesh: PeerCertificate = { certificateSha256: undefined, spkiSha256: undefined, meshId: ID };
  const past = { notBeforeMs: 0, notAfterMs: NOW_MS };

  test.each<[string, Partial<Identity>, PeerCertificate | undefined, string]>([
    [
      'the pin of the certificate before all',
      { pins: [keyPin, pin], certificateNames, meshNames },
      undefined,
      'certificate_pin',
    ],
    ['the pin of the key', { pins: [keyPin], certificateNames }, undefined, 'key_pin'],
    [
      'a name where the pin is of another certificate',
      { pins: [{ ...pin, sha256: 'ff'.repeat(32) }], certificateNames },
      undefined,
      'name_under_authority',
    ],
    [
      'a name where the pin has ended',
      { pins: [{ ...pin, ...past }], certificateNames },
      undefined,
      'name_under_authority',
    ],
    ['a name of the mesh', { pins: [pin], meshNames }, mesh, 'mesh_identity'],
    [
      'no name of the mesh that has ended',
      { pins: [], meshNames: [{ name: ID, ...past }] },
      mesh,
      'certificate_name_not_valid',
    ],
    [
      'no other name of the mesh',
      { pins: [], meshNames },
      { ...mesh, meshId: `${ID}-b` },
      'certificate_name_mismatch',
    ],
    [
      'no name of the mesh that nobody said',
      { pins: [], meshNames },
      CERTIFICATE,
      'certificate_name_mismatch',
    ],
    [
      'no name of a certificate that only the mesh says',
      { pins: [], certificateNames },
      mesh,
      'certificate_details_missing',
    ],
    [
      'an ended pin before a name that is another',
      { pins: [{ ...pin, ...past }], certificateNames: [dnsName] },
      undefined,
      'pin_not_valid',
    ],
    [
      'a revoked identity never',
      { pins: [pin], certificateNames, revoked: true },
      undefined,
      'identity_revoked',
    ],
    ['nothing', { pins: [] }, undefined, 'pin_mismatch'],
  ])('%s', async (_, change, peer, expected) => {
    expect(await known(change, peer)).toBe(expected);
  });

  test('a claimed fingerprint has to be the known one, so where none is known there may be no claim', () => {
    const snapshot = makeSnapshot({ identity: { pins: [], meshNames } });
    const claiming = { ...signed, claimedCertificateSha256: CERTIFICATE.certificateSha256 };
    expect(checkIdentity(claiming, mesh, snapshot, NOW_MS)).toMatchObject({
      code: 'certificate_claim_mismatch',
    });
  });
});
