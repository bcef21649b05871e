/** The federation that the case tables are written for: the local one, with identities and policies of every kind. */
import { createHash, X509Certificate } from 'node:crypto';
import type { ConfigurationDocument } from '../../../tools/local-federation/configuration.js';
import type { FederationCredentials } from '../../../tools/local-federation/credentials.js';
import type { Credentials } from '../../../tools/local-federation/producer.js';

type IdentityInput = ConfigurationDocument['identities'][number];

/** Every `notes` body may be this long. */
export const NOTES_MAX_BYTES = 2_000;
/** Requests a minute on `/limited`. */
export const LIMITED_PER_MINUTE = 5;
/** The only measurement that `producer-attested` may present. */
export const ATTESTED = createHash('sha256').update('the one measurement').digest('hex');

const PAST = '2020-01-01T00:00:00Z';
const LATER = '2100-01-01T00:00:00Z';

/** Identities beside the two producers: all with producer A's certificate and key, each wrong or special in one way. */
function specialIdentities([a, b]: readonly IdentityInput[]): IdentityInput[] {
  if (a === undefined || b === undefined) throw new Error('the local federation has two producers');
  const [pin] = a.certificates ?? [];
  const [key] = a.keys ?? [];
  const [otherKey] = b.keys ?? [];
  if (pin === undefined || key === undefined || otherKey === undefined) throw new Error('no pin or no key');
  const keys = [key];
  const certificates = [pin];
  const like = (name: string, changes: Partial<IdentityInput>): IdentityInput => ({ ...a, name, ...changes });
  return [
    like('producer-revoked', { revoked: true }),
    like('producer-expired-pin', { certificates: [{ ...pin, notAfter: PAST }] }),
    like('producer-future-pin', { certificates: [{ ...pin, notBefore: LATER }] }),
    like('producer-retired-key', { keys: [{ ...key, notAfter: PAST }] }),
    like('producer-bundle-key', { keys: [{ ...key, purposes: ['bundle'] }] }),
    like('producer-request-key', { keys: [{ ...key, purposes: ['request'] }] }),
    like('producer-attested', { attestations: [ATTESTED] }),
    { name: 'producer-open', certificates, keys },
    like('producer-rotating', {
      certificates: [...(b.certificates ?? []), ...certificates],
      keys: [
        { ...otherKey, kid: 'next' },
        { ...key, kid: 'current' },
        { ...key, kid: 'retired', notAfter: PAST },
      ],
    }),
  ];
}

const ownPolicies: ConfigurationDocument['policies'] = [
  { name: 'notes', match: { methods: ['POST', 'PUT'], path: '/notes' }, maxBodyBytes: NOTES_MAX_BYTES },
  { name: 'search', match: { methods: ['GET', 'HEAD'], path: '/search', allowQuery: true } },
  {
    name: 'limited',
    match: { methods: ['POST'], path: '/limited' },
    rateLimit: { perMinute: LIMITED_PER_MINUTE },
  },
  { name: 'tree', match: { methods: ['POST'], pathPrefix: '/tree/' } },
  {
    name: 'raw',
    match: { methods: ['GET'], pathPrefix: '/raw/' },
    passThrough: { reason: 'to show that it has to be asked for' },
    rawPaths: { reason: 'to show what it lets through' },
  },
];

/** Under a pass-through of the local federation, and so before it in the file. */
const innerPolicies: ConfigurationDocument['policies'] = [
  { name: 'sealed', match: { methods: ['POST'], path: '/portal/sealed' } },
];

/** For `patchConfiguration`. */
export function worldConfiguration(document: ConfigurationDocument): ConfigurationDocument {
  return {
    ...document,
    identities: [...document.identities, ...specialIdentities(document.identities)],
    policies: [...innerPolicies, ...document.policies, ...ownPolicies],
  };
}

/** Who can send in that world. */
export interface World {
  readonly a: Credentials;
  readonly b: Credentials;
  /** Producer A's name and key over a certificate that is pinned to nobody. */
  readonly unpinned: Credentials;
  /** Producer A's certificate and key under another name. */
  readonly named: (identity: string) => Credentials;
}

export function worldOf({ producerA, producerB, unpinned }: FederationCredentials): World {
  return { a: producerA, b: producerB, unpinned, named: (identity) => ({ ...producerA, identity }) };
}

/** The fingerprint with colons and capitals, as `openssl x509 -fingerprint` prints it. */
export function colonFingerprint({ certificate }: Credentials): string {
  return new X509Certificate(certificate ?? '').fingerprint256;
}
