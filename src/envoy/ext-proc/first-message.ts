/** What a stream of ext_proc is for, told from its first message alone: to judge a request, or to sign an answer. */
import { readStructOf } from '../wire/metadata.js';
import { WireReader } from '../wire/reader.js';
import { FILTER_NAME } from './request.js';

/** The attribute with the SHA-256 of the peer's certificate, lower-case hex. */
export const DIGEST_ATTRIBUTE = 'connection.sha256_peer_certificate_digest';

/** `other`: neither, or no ProcessingRequest at all. */
export type Beginning =
  | {
      readonly kind: 'request';
      /** The digest of its certificate; empty without one. */ readonly peer: string;
    }
  | { readonly kind: 'answer' | 'other' };

/** ProcessingRequest: request_headers=2, response_headers=3, attributes=9. Says nothing about whether the rest can be read. */
export function beginningOf(message: Buffer): Beginning {
  let kind: Beginning['kind'] = 'other';
  let peer = '';
  try {
    const reader = new WireReader(message);
    while (reader.next()) {
      if (reader.field === 2) kind = 'request';
      else if (reader.field === 3) kind = 'answer';
      else if (reader.field === 9) peer = digestIn(reader) ?? peer;
    }
  } catch {
    return { kind: 'other' };
  }
  return kind === 'request' ? { kind, peer } : { kind };
}

/** Of one entry of the attributes: empty where ours has none, undefined where it is another filter's. */
function digestIn(reader: WireReader): string | undefined {
  const attributes = readStructOf(reader, FILTER_NAME);
  return attributes && (attributes.get(DIGEST_ATTRIBUTE) ?? '');
}
