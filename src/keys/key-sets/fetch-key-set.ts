/** One fetch of a key set. Nothing that the server sends can make it longer, larger or more often than our own bounds. */
import { HttpPeer, type PeerAnswer } from '../../storage/http/http-peer.js';
import { readKeySet, type PublishedKey } from './read-key-set.js';

/** From the first byte that we send to the last one of the answer. */
const TIMEOUT_MILLISECONDS = 5_000;
/** A thousand keys; read on the loop that serves. */
const MAX_BYTES = 262_144;
/** `application/json` as servers of files give it, and the set's own (RFC 7517 §8.5.2). */
const MEDIA_TYPE = /^application\/(?:jwk-set\+)?json(?: *; *charset="?utf-8"?)?$/i;
/** RFC 9110 §8.8.3, and short enough to be sent back. */
const ETAG = /^(?:W\/)?"[\x21\x23-\x7e]{0,200}"$/;
/** RFC 9111 §5.2.2.1. */
const MAX_AGE = /(?:^|,) *max-age=([0-9]{1,9}) *(?:,|$)/i;

/** How the set is reached. */
export interface KeySetAddress {
  readonly url: string;
  /** PEM; undefined for those that Node was built with. */
  readonly authority: string | undefined;
}

/** What a fetch gave; `reason`: words whose subject is the server. */
export type KeySetAnswer =
  | {
      readonly kind: 'new';
      readonly keys: readonly PublishedKey[];
      readonly etag: string | undefined;
      readonly maxAgeSeconds: number | undefined;
    }
  | { readonly kind: 'unchanged'; readonly maxAgeSeconds: number | undefined }
  | { readonly kind: 'failed'; readonly reason: string };

/** A client of one set; its connection is kept for a while. */
export class KeySetClient {
  readonly #peer: HttpPeer;
  readonly #path: string;

  /** Throws OpenSSL's error when `authority` holds no certificate. */
  constructor({ url: text, authority }: KeySetAddress, timeoutMilliseconds = TIMEOUT_MILLISECONDS) {
    const url = new URL(text);
    this.#path = url.pathname;
    this.#peer = new HttpPeer({ url, authority, timeoutMilliseconds, maxAnswerBytes: MAX_BYTES });
  }

  /** Never rejects. @param etag of what we have, which need not come again. */
  async fetch(etag: string | undefined): Promise<KeySetAnswer> {
    const answer = await this.#peer.exchange({
      method: 'GET',
      path: this.#path,
      headers: {
        accept: 'application/jwk-set+json, application/json',
        'accept-encoding': 'identity',
        ...(etag !== undefined && { 'if-none-match': etag }),
      },
    });
    return answer.ok ? judge(answer, etag !== undefined) : { kind: 'failed', reason: answer.reason };
  }

  close(): void {
    this.#peer.close();
  }
}

function judge(
  { status, headers, body }: Extract<PeerAnswer, { readonly ok: true }>,
  isConditional: boolean,
): KeySetAnswer {
  const maxAgeSeconds = maxAgeIn(headers['cache-control']);
  if (status === 304 && isConditional) return { kind: 'unchanged', maxAgeSeconds };
  if (status !== 200) return failed(`answers with ${status}`);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') return failed('answers with a compressed body, which was not asked for');
  if (!MEDIA_TYPE.test(headers['content-type'] ?? ''))
    return failed(
      'answers with a content-type that is neither application/jwk-set+json nor application/json',
    );
  const read = readKeySet(body);
  if (!read.ok) return failed(`answers with what ${read.reason}`);
  const { etag } = headers;
  const isUsable = etag !== undefined && ETAG.test(etag);
  return { kind: 'new', keys: read.keys, etag: isUsable ? etag : undefined, maxAgeSeconds };
}

function failed(reason: string): KeySetAnswer {
  return { kind: 'failed', reason };
}

function maxAgeIn(cacheControl: string | undefined): number | undefined {
  const [, seconds] = MAX_AGE.exec(cacheControl ?? '') ?? [];
  return seconds === undefined ? undefined : Number(seconds);
}
