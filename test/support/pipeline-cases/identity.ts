/** Certificate, identity and pins. */
import { X509Certificate } from 'node:crypto';
import { LeafCertificate } from '../../../src/crypto/authority.js';
import { namedCertificate, testAuthority } from '../named-certificates.js';
import { changed, future, header, hop, pin, type PipelineCase, retired, xfcc } from './case.js';
import {
  always,
  CERTIFICATE,
  HEADER_NAMES,
  OTHER_CERTIFICATE,
  OTHER_IDENTITY,
  telemetryParts,
} from '../signed-request.js';

const SPIFFE_ID = 'spiffe://mesh/producer';
const mesh = { forwardedCertificate: 'mesh-identity' } as const;
const certificateName = {
  kind: 'uri',
  name: SPIFFE_ID,
  authority: 'producers',
  issuedFromMs: -Infinity,
  ...always,
} as const;
const authority = await testAuthority('a stranger');
const strange = new LeafCertificate(
  new X509Certificate(await namedCertificate({ uris: [SPIFFE_ID] }, authority)).raw,
);

export const certificateCases: readonly PipelineCase[] = [
  {
    title: 'no client certificate',
    code: 'certificate_missing',
    parts: changed((parts) => void (parts.peerCertificate = 'missing')),
  },
  {
    title: 'a certificate in a forwarded header that no hop was declared for',
    code: 'certificate_missing',
    parts: xfcc(`Hash=${CERTIFICATE.certificateSha256}`),
  },
  {
    title: 'no certificate from the declared hop',
    code: 'certificate_missing',
    parts: changed((parts) => void (parts.peerCertificate = 'missing')),
    snapshot: hop,
  },
  {
    title: 'a certificate that is none',
    code: 'certificate_malformed',
    parts: changed((parts) => void (parts.peerCertificate = 'malformed')),
  },
  {
    title: 'a forwarded certificate without a hash',
    code: 'certificate_malformed',
    parts: xfcc('By=spiffe://a'),
    snapshot: hop,
  },
  {
    title: 'a forwarded certificate with two hashes',
    code: 'certificate_malformed',
    parts: xfcc(`Hash=${CERTIFICATE.certificateSha256};Hash=${CERTIFICATE.certificateSha256}`),
    snapshot: hop,
  },
  {
    title: 'an empty forwarded header',
    code: 'certificate_malformed',
    parts: xfcc(''),
    snapshot: hop,
  },
  {
    title: 'a handshake and a hop that disagree',
    code: 'certificate_sources_disagree',
    parts: header('x-forwarded-client-cert', `Hash=${OTHER_CERTIFICATE.certificateSha256}`),
    snapshot: hop,
  },
];

export const identityCases: readonly PipelineCase[] = [
  {
    title: 'an identity that nobody declared',
    code: 'identity_unknown',
    parts: header(HEADER_NAMES.identity, 'nobody'),
  },
  {
    title: 'an identity by the name of an object property',
    code: 'identity_unknown',
    parts: header(HEADER_NAMES.identity, 'constructor'),
  },
  {
    title: 'an identity in another case',
    code: 'identity_unknown',
    parts: header(HEADER_NAMES.identity, 'PRODUCER-01'),
  },
  {
    title: 'a revoked identity',
    code: 'identity_revoked',
    parts: () => telemetryParts(),
    snapshot: { identity: { revoked: true } },
  },
  {
    title: 'the certificate of another identity',
    code: 'pin_mismatch',
    parts: header(HEADER_NAMES.identity, OTHER_IDENTITY),
  },
  {
    title: 'an identity without pins',
    code: 'pin_mismatch',
    parts: () => telemetryParts(),
    snapshot: { identity: { pins: [] } },
  },
  {
    title: 'a certificate pin that holds the key hash',
    code: 'pin_mismatch',
    parts: () => telemetryParts(),
    snapshot: { identity: { pins: [{ kind: 'certificate', sha256: 'b2'.repeat(32), ...always }] } },
  },
  {
    title: 'a key pin against a certificate that only a hop has seen',
    code: 'certificate_details_missing',
    parts: xfcc(`Hash=${CERTIFICATE.certificateSha256}`),
    snapshot: { ...hop, identity: { pins: [{ kind: 'spki', sha256: 'b2'.repeat(32), ...always }] } },
  },
  {
    title: 'a pin that has ended this millisecond',
    code: 'pin_not_valid',
    parts: () => telemetryParts(),
    snapshot: { identity: { pins: [{ ...pin, ...retired }] } },
  },
  {
    title: 'a pin that begins in a millisecond',
    code: 'pin_not_valid',
    parts: () => telemetryParts(),
    snapshot: { identity: { pins: [{ ...pin, ...future }] } },
  },
  {
    title: 'an ended pin beside a valid one of another certificate',
    code: 'pin_not_valid',
    parts: () => telemetryParts(),
    snapshot: {
      identity: {
        pins: [
          { ...pin, ...retired },
          { ...pin, sha256: '99'.repeat(32), ...always },
        ],
      },
    },
  },
  {
    title: 'a name in a certificate of which only the hash is known',
    code: 'certificate_details_missing',
    parts: xfcc(`Hash=${CERTIFICATE.certificateSha256}`),
    snapshot: { ...hop, identity: { pins: [], certificateNames: [certificateName] } },
  },
  {
    title: 'another name on the word of the mesh',
    code: 'certificate_name_mismatch',
    parts: xfcc(`By=spiffe://mesh/gateway;Hash=${CERTIFICATE.certificateSha256};URI=spiffe://mesh/other`),
    snapshot: { ...mesh, identity: { pins: [], meshNames: [{ name: SPIFFE_ID, ...always }] } },
  },
  {
    title: 'a name on the word of the mesh that has ended this millisecond',
    code: 'certificate_name_not_valid',
    parts: xfcc(`Hash=${CERTIFICATE.certificateSha256};By=spiffe://mesh/gateway;URI=${SPIFFE_ID}`),
    snapshot: { ...mesh, identity: { pins: [], meshNames: [{ name: SPIFFE_ID, ...retired }] } },
  },
  {
    title: 'a certificate with the name, by an authority that is not the named one',
    code: 'certificate_untrusted',
    parts: changed((parts) => void (parts.peerCertificate = { ...CERTIFICATE, leaf: strange })),
    snapshot: { identity: { pins: [], certificateNames: [certificateName] } },
  },
  ...[
    'URI=',
    `URI=${SPIFFE_ID};URI=${SPIFFE_ID}`,
    `URI=${SPIFFE_ID}/`,
    `URI="${SPIFFE_ID}"`,
    `URI=${SPIFFE_ID};Hash=no`,
    `URI=${SPIFFE_ID},URI=${SPIFFE_ID}`,
    `DNS=a;By=${SPIFFE_ID}`,
    `Subject="URI=${SPIFFE_ID}"`,
    '',
  ].map((value): PipelineCase => {
    return {
      title: `a forwarded element of the mesh that names nobody: ${value}`,
      code: 'certificate_malformed',
      parts: xfcc(value),
      snapshot: { ...mesh, identity: { pins: [], meshNames: [{ name: SPIFFE_ID, ...always }] } },
    };
  }),
  {
    title: 'a name of the mesh beside a certificate of the connection that does not bear it',
    code: 'certificate_sources_disagree',
    parts: header('x-forwarded-client-cert', `URI=${SPIFFE_ID}`),
    snapshot: { ...mesh, identity: { meshNames: [{ name: SPIFFE_ID, ...always }] } },
  },
  {
    title: 'a name of the mesh where only hashes are believed',
    code: 'certificate_malformed',
    parts: xfcc(`URI=${SPIFFE_ID}`),
    snapshot: { ...hop, identity: { pins: [], meshNames: [{ name: SPIFFE_ID, ...always }] } },
  },
];
