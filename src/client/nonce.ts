/** One-time tokens. Runs anywhere that has Web Crypto, or where randomness is passed in. */
import { encodeBase64Url } from '../crypto/base64.js';

/** 144 bits: no two of 2^64 nonces are expected to be equal, and the text needs no padding. */
const NONCE_BYTES = 18;

/** Fills with that many bytes from a cryptographic source. */
export type RandomBytes = (byteLength: number) => Uint8Array;

/** Web Crypto's generator, which Node and every browser have. */
export const webCryptoRandomBytes: RandomBytes = (byteLength) =>
  globalThis.crypto.getRandomValues(new Uint8Array(byteLength));

/**
 * A fresh nonce of 24 URL-safe characters (`[A-Za-z0-9_-]`).
 * A nonce is good for one request: sign again with a new one for the next. When *the same* request is sent again
 * because no answer came, keep nonce and bytes as they are: a 409 then says that the first copy got through.
 * @param randomBytes where the randomness comes from; Web Crypto unless told otherwise.
 */
export function generateNonce(randomBytes: RandomBytes = webCryptoRandomBytes): string {
  return encodeBase64Url(randomBytes(NONCE_BYTES));
}
