/** Keys and signatures. */
import { changed, future, header, type PipelineCase, retired } from './case.js';
import {
  HEADER_NAMES,
  keyEntry,
  KID,
  NOW_SECONDS,
  otherKey,
  producerKey,
  setBody,
  signedParts,
  spareKey,
  telemetryFields,
  telemetryParts,
} from '../signed-request.js';

export const signatureCases: readonly PipelineCase[] = [
  {
    title: 'a key id that the identity has not',
    code: 'key_unknown',
    parts: header(HEADER_NAMES.kid, 'k2'),
  },
  {
    title: 'a key id in another case',
    code: 'key_unknown',
    parts: header(HEADER_NAMES.kid, KID.toUpperCase()),
  },
  {
    title: 'a prefix of the key id',
    code: 'key_unknown',
    parts: header(HEADER_NAMES.kid, 'k'),
  },
  {
    title: 'a key that is meant for bundles',
    code: 'key_unknown',
    parts: () => telemetryParts(),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, { purposes: ['bundle'] })] } },
  },
  {
    title: 'an identity without keys',
    code: 'key_unknown',
    parts: () => telemetryParts(),
    snapshot: { identity: { keys: [] } },
  },
  {
    title: 'a retired key by its id',
    code: 'key_not_valid',
    parts: () => telemetryParts(),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, retired), keyEntry('k2', spareKey)] } },
  },
  {
    title: 'a key that is not valid yet',
    code: 'key_not_valid',
    parts: () => telemetryParts(),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, future)] } },
  },
  {
    title: 'no key id and no key that is valid now',
    code: 'key_not_valid',
    parts: () => signedParts({ kid: undefined }),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, retired)] } },
  },
  {
    title: 'a retired key without its id, beside a valid one',
    code: 'signature_invalid',
    parts: () => signedParts({ kid: undefined }),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, retired), keyEntry('k2', spareKey)] } },
  },
  {
    title: 'the id of another key of the identity',
    code: 'signature_invalid',
    parts: header(HEADER_NAMES.kid, 'k2'),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey), keyEntry('k2', spareKey)] } },
  },
  {
    title: 'the key of another identity',
    code: 'signature_invalid',
    parts: () => telemetryParts(telemetryFields(), { key: otherKey }),
  },
  {
    title: 'another body',
    code: 'signature_invalid',
    parts: changed((parts) => setBody(parts, JSON.stringify(telemetryFields({ campaign_id: 'other' })))),
  },
  {
    title: 'a timestamp that was not signed',
    code: 'signature_invalid',
    parts: header(HEADER_NAMES.timestamp, String(NOW_SECONDS + 1)),
  },
  {
    title: 'a nonce that was not signed',
    code: 'signature_invalid',
    parts: header(HEADER_NAMES.nonce, 'another-nonce-0123'),
  },
  {
    title: 'a signature of zeros',
    code: 'signature_invalid',
    parts: header(HEADER_NAMES.signature, Buffer.alloc(64).toString('base64')),
  },
  {
    title: 'a body that is no JSON under a bad signature',
    code: 'signature_invalid',
    parts: changed((parts) => setBody(parts, '{')),
  },
];
