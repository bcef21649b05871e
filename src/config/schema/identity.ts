/** The shape of `identities`: who may call, with which certificates and keys, and for whom. */
import { z } from 'zod';
import { trustDomainOf, TRUST_DOMAIN } from '../../protocol/spiffe-id.js';
import { IDENTITY } from '../../protocol/syntax.js';
import { keyPurposes, keySetSchema, MAX_KEYS } from './key-set.js';
import { filePath, instant, keyId, operatorId, policyName, sha256Text, textLike } from './schema-common.js';

const certificate = z
  .strictObject({
    sha256: sha256Text
      .optional()
      .describe("SHA-256 over the certificate's DER: 64 hex digits, colons allowed."),
    spki: sha256Text
      .optional()
      .describe(
        "SHA-256 over the DER of the certificate's public key (SPKI): survives a renewal with the same key.",
      ),
    file: filePath.optional().describe('A certificate, PEM or DER, whose fingerprint is taken at load.'),
    as: z
      .enum(['certificate', 'spki'])
      .optional()
      .describe('What is pinned of `file`: the whole certificate (default) or its public key.'),
    notBefore: instant.optional().describe('The pin counts from this moment on. Default: always.'),
    notAfter: instant
      .optional()
      .describe(
        'The pin counts until just before this moment. Default: for ever; with `file`, as long as the certificate.',
      ),
  })
  .describe('One pinned certificate: exactly one of `sha256`, `spki` and `file`.');

/** The name of an authority in this file. */
const authorityName = policyName;

const certificateName = z
  .strictObject({
    uri: textLike(
      /^[A-Za-z][A-Za-z0-9+.-]{0,31}:[\x21-\x7e]{1,2000}$/,
      'must be a URI in printable ASCII, such as spiffe://example.org/ns/production/sa/producer',
    )
      .optional()
      .describe('The only URI SAN of the certificate, byte for byte; a SPIFFE ID, for instance.'),
    dns: textLike(
      /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*$/,
      'must be a DNS name in lower case, without wildcards and without a dot at its end',
    )
      .optional()
      .describe('One of the DNS SANs of the certificate; no wildcard matches it.'),
    authority: authorityName.describe('Who issues it: a name of `authorities`.'),
    issuedFrom: instant
      .optional()
      .describe(
        'Certificates whose own validity begins earlier do not count: revokes earlier ones. Default: all.',
      ),
    notBefore: instant.optional().describe('The name counts from this moment on. Default: always.'),
    notAfter: instant
      .optional()
      .describe('The name counts until just before this moment. Default: for ever.'),
  })
  .describe('A name in a certificate under an authority: exactly one of `uri` and `dns`.');

const spiffeId = z
  .string()
  .max(2048)
  .refine((text) => trustDomainOf(text) !== undefined, {
    error: 'must be the SPIFFE ID of a workload, such as spiffe://example.org/ns/production/sa/producer',
  });

const meshName = z
  .strictObject({
    uri: spiffeId.describe('What the hop says in `URI=`, byte for byte.'),
    notBefore: instant.optional().describe('The name counts from this moment on. Default: always.'),
    notAfter: instant
      .optional()
      .describe('The name counts until just before this moment. Default: for ever.'),
  })
  .describe('A SPIFFE ID that the mesh gives to this service.');

const authority = z
  .strictObject({
    file: filePath.describe(
      'PEM: the CA certificates that issue the leaves themselves; each is trusted by itself, roots and intermediates alike.',
    ),
    trustDomain: textLike(TRUST_DOMAIN, 'must be a SPIFFE trust domain: lower-case letters, digits, . _ -')
      .optional()
      .describe('The SPIFFE trust domain that it issues for; needed where a name under it is a SPIFFE ID.'),
  })
  .describe('An authority whose certificates prove names.');

/** The authorities by name. */
export const authoritiesSchema = z
  .record(authorityName, authority)
  .default({})
  .describe('Authorities under which a certificate proves a name of an identity, weaker than a pin.');

const key = z
  .strictObject({
    kid: keyId.describe('The id of the key, `[A-Za-z0-9._-]{1,64}`; a new key takes a new id.'),
    publicKey: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .describe('Ed25519 public key: base64 of 32 bytes, PEM SPKI, an OpenSSH line or a JWK.'),
    publicKeyFile: filePath.optional().describe('A file with the public key, in any of those encodings.'),
    purposes: keyPurposes
      .default(['request'])
      .describe('What the key may sign: `request` (the signature headers), `bundle` (federation bundles).'),
    notBefore: instant.optional().describe('The key counts from this moment on. Default: always.'),
    notAfter: instant.optional().describe('The key counts until just before this moment. Default: for ever.'),
  })
  .describe('One Ed25519 key: exactly one of `publicKey` and `publicKeyFile`.');

/** The name of a service: the value of its identity header (docs/wire-contract.md#a-signed-request). */
export const identityName = textLike(
  IDENTITY,
  'must be 1 to 128 letters, digits or . _ : / @ -, beginning with a letter or digit',
);

/** One service that may call. */
export const identitySchema = z.strictObject({
  name: identityName.describe(
    'The value of its identity header, `[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}`; a SPIFFE ID fits.',
  ),
  revoked: z.boolean().default(false).describe('Refuses this identity at once, whatever it presents.'),
  certificates: z
    .array(certificate)
    .max(64)
    .default([])
    .describe('Its pinned certificates, any one of which will do.'),
  certificateNames: z
    .array(certificateName)
    .max(64)
    .default([])
    .describe('Names in certificates under an authority, any one of which will do; weaker than pins.'),
  meshNames: z
    .array(meshName)
    .max(16)
    .default([])
    .describe(
      'SPIFFE IDs on the word of a declared hop (`forwardedClientCert: mesh-identity`); the weakest.',
    ),
  keys: z.array(key).max(MAX_KEYS).default([]).describe('Its Ed25519 public keys.'),
  keySets: z
    .array(keySetSchema)
    .max(4)
    .default([])
    .describe(
      'JWK sets that bring further keys, fetched in the background (docs/configuration.md#key-sets).',
    ),
  operators: z
    .array(operatorId)
    .max(10_000)
    .optional()
    .describe('The operators for whom it may speak. Default: every mapped operator, with a warning.'),
  attestations: z
    .array(sha256Text)
    .min(1)
    .max(10_000)
    .optional()
    .describe('The attestation measurement hashes that it may present. Default: any well-formed one.'),
});

/** One identity as the file says it. */
export type IdentityInput = z.output<typeof identitySchema>;
/** One key as the file says it. */
export type KeyInput = IdentityInput['keys'][number];
/** One name in a certificate as the file says it. */
export type CertificateNameInput = IdentityInput['certificateNames'][number];
/** One pinned certificate as the file says it. */
export type CertificateInput = IdentityInput['certificates'][number];
