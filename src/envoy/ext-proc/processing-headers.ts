/** Which headers an answer keeps, loses and gets on its way through the signer. */
import { OUR_HEADER_PREFIX } from '../../protocol/header-names.js';
import type { HeaderPair } from '../ext-authz/check-response.js';
import type { ResponseHeaders } from './processing-request.js';
import type { HeaderChanges } from './processing-response.js';

/**
 * What the upstream said about its own body, which is not the one that is delivered: representation metadata and
 * validators (RFC 9110 §8), ranges (§14), freshness (RFC 9111 §5), digests (RFC 9530, RFC 3230, RFC 1864) and
 * signatures (RFC 9421).
 */
const DESCRIBES_THE_OLD_BODY = [
  'accept-ranges',
  'age',
  'content-digest',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-location',
  'content-md5',
  'content-range',
  'digest',
  'etag',
  'expires',
  'last-modified',
  'pragma',
  'repr-digest',
  'signature',
  'signature-input',
  'trailer',
];

const NO_STORE: HeaderPair = ['cache-control', 'no-store'];
const JSON_TYPE: HeaderPair = ['content-type', 'application/json'];

/**
 * Set by us alone, for the guard that Envoy has behind the signer (`envoy-config/signer.ts`), which takes it off:
 * an answer that is `held` or has no mark does not leave as a success.
 */
export const ANSWER_MARK = 'x-countersign-answer';
export const HELD = 'held';
export const SIGNED = 'signed';

/**
 * Until the signed body is there the answer is a 502: should Envoy ever let an answer go on without it, nobody
 * takes it for one that was vouched for.
 */
export function heldHeaders({ headers }: ResponseHeaders): HeaderChanges {
  const ours = [...headers.keys()].filter((name) => name.startsWith(OUR_HEADER_PREFIX));
  return {
    set: [[':status', '502'], [ANSWER_MARK, HELD], NO_STORE],
    remove: [...DESCRIBES_THE_OLD_BODY, ...ours],
  };
}

/** With the signed body the answer becomes the 200 that the upstream gave. */
export function signedHeaders(bodyBytes: number): HeaderChanges {
  const length: HeaderPair = ['content-length', String(bodyBytes)];
  return { set: [[':status', '200'], [ANSWER_MARK, SIGNED], JSON_TYPE, length], remove: [] };
}

/** Of an answer that is made by us alone. */
export const REFUSAL_HEADERS: readonly HeaderPair[] = [JSON_TYPE, NO_STORE];
