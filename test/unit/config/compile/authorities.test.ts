/** What a file of `authorities` may hold, and what every load says of identities that rest on one or on the mesh. */
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateKeys } from '../../../../src/pki/issue-certificate.js';
import { asVersion1 } from '../../../support/certificate-version-1.js';
import { testAuthority, x509 } from '../../../support/named-certificates.js';
import {
  configurationText,
  createWorkspace,
  identity,
  loaded,
  problemsOf,
  type Workspace,
} from '../workspace.js';

const ID = 'spiffe://example.org/ns/production/sa/producer';
const { keyCertSign, digitalSignature } = x509.KeyUsageFlags;
const isCa = new x509.BasicConstraintsExtension(true, undefined, true);
const mayIssue = new x509.KeyUsagesExtension(keyCertSign, true);
const ca = await testAuthority('the CA');
const pemOf = async (...extensions: readonly InstanceType<typeof x509.Extension>[]): Promise<string> =>
  (await testAuthority('a bad CA', { extensions })).certificate;

let workspace: Workspace;
beforeEach(() => (workspace = createWorkspace()));
afterEach(() => workspace.remove());

const named = identity({ certificates: [], certificateNames: [{ uri: ID, authority: 'mesh' }] });

function load(pem: string, changes: Readonly<Record<string, unknown>> = {}) {
  writeFileSync(join(workspace.directory, 'ca.pem'), pem);
  const authorities = { mesh: { file: 'ca.pem', trustDomain: 'example.org' } };
  return workspace.load(configurationText({ authorities, identities: [named], ...changes }));
}

describe('a file of an authority', () => {
  it('holds CA certificates, each of which is an issuer by itself', async () => {
    const other = await testAuthority('another CA');
    const { snapshot } = loaded(load(`text before\n${ca.certificate}${other.certificate}`));
    const { name, trustDomain, issuers } = snapshot.authorities!.get('mesh')!;
    expect([name, trustDomain, issuers.map(({ certificate }) => certificate.subject)]).toEqual([
      'mesh',
      'example.org',
      ['CN=the CA', 'CN=another CA'],
    ]);
  });

  test.each<[string, () => Promise<string>, string]>([
    ['a leaf', () => pemOf(mayIssue), 'which is not a CA'],
    [
      'a CA that may not sign certificates',
      () => pemOf(isCa, new x509.KeyUsagesExtension(digitalSignature, true)),
      'which may sign no certificates',
    ],
    [
      'name constraints',
      () => pemOf(isCa, mayIssue, new x509.Extension('2.5.29.30', true, new Uint8Array([0x30, 0]))),
      'which has name constraints',
    ],
    [
      'a critical extension of its own',
      () => pemOf(isCa, mayIssue, new x509.Extension('1.2.3.4', true, new Uint8Array([5, 0]))),
      'which has a critical extension',
    ],
    [
      'a certificate of version 1',
      () => Promise.resolve(asVersion1(ca.certificate, ca.keys.privateKey)),
      'which is not of version 3',
    ],
    ['an RSA key of 1024 bits', weakRsa, 'which has an RSA key of 1024 bits'],
  ])('does not hold %s, even beside good ones', async (_, make, fault) => {
    const found = problemsOf(load(ca.certificate + (await make()))).map(
      ({ path, message }) => `${path} ${message}`,
    );
    expect(found).toEqual([expect.stringContaining(fault)]);
    expect(found[0]).toContain('authorities.mesh.file holds as certificate 2 ');
  });

  it('holds no more than 64 of them, and there are no more than a hundred', () => {
    expect(problemsOf(load(ca.certificate.repeat(65)))).toMatchObject([
      {
        path: 'authorities.mesh.file',
        message: expect.stringContaining('more than 64 certificates') as string,
      },
    ]);
    const authorities = Object.fromEntries(
      Array.from({ length: 101 }, (_, at) => [`a${at}`, { file: 'ca.pem' }]),
    );
    expect(problemsOf(load(ca.certificate, { authorities, identities: [identity()] }))).toMatchObject([
      { path: 'authorities', message: 'has more than 100 entries' },
    ]);
  });
});

/** Certified by another key, as the library signs for P-256 alone. */
async function weakRsa(): Promise<string> {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const keys: CertificateKeys = { publicKey, privateKey: ca.keys.privateKey };
  return (await testAuthority('a weak CA', { keys })).certificate;
}

describe('a load', () => {
  const warningsOf = (result: ReturnType<typeof load>): string[] =>
    loaded(result).warnings.map(({ path, message }) => `${path}: ${message}`);

  it('says once for each authority that a name is weaker than a pin', () => {
    const names = Array.from({ length: 3 }, (_, at) =>
      identity({
        name: `producer-${at}`,
        certificates: [],
        certificateNames: [{ dns: `p${at}.example.org`, authority: 'mesh' }],
        keys: [],
        revoked: true,
      }),
    );
    const weak = warningsOf(load(ca.certificate, { identities: [named, ...names] })).filter((line) =>
      line.startsWith('authorities.mesh:'),
    );
    expect(weak).toEqual([
      expect.stringContaining('authorities.mesh: proves 4 identities by name, which is weaker than a pin'),
    ]);
  });

  it('says that it believes a header for names of the mesh', () => {
    const meshed = identity({ certificates: [], meshNames: [{ uri: ID }] });
    const result = load(ca.certificate, { identities: [meshed], forwardedClientCert: 'mesh-identity' });
    expect(warningsOf(result)).toContainEqual(
      expect.stringContaining('forwardedClientCert: believes a header for one identity'),
    );
    expect(loaded(result).snapshot.identities.get('producer-a')?.meshNames).toEqual([
      { name: ID, notBeforeMs: -Infinity, notAfterMs: Infinity },
    ]);
  });

  it('warns of a name that two identities share, and of an end that is near', () => {
    const notAfter = '2027-01-05T00:00:00Z';
    const certificateNames = [{ uri: ID, authority: 'mesh', notAfter }];
    const twin = identity({ name: 'producer-b', certificates: [], certificateNames });
    const lines = warningsOf(load(ca.certificate, { identities: [named, twin] }));
    expect(lines).toContainEqual(
      'identities[1].certificateNames: "producer-b" has the same name as "producer-a"',
    );
    expect(lines).toContainEqual(expect.stringMatching(/^identities\[1\]\.certificateNames\[0\].*this name/));
  });
});
