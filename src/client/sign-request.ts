/** Signing a request the way the gateway verifies it, and the nonce for it. Runs anywhere; no clock is read. */
import { concatBytes, encodeBase64, encodeBase64Url } from '../crypto/bytes.js';
import { portableSign, type PortablePrivateKey } from '../crypto/portable.js';
import { IDENTITY, KID, NONCE, SHA256_HEX, TIMESTAMP } from '../protocol/syntax.js';
import { DEFAULT_HEADER_NAMES, type SecurityHeaderNames } from '../protocol/header-names.js';

/** What is signed, by whom, and when. */
export interface SignRequestOptions {
  /** The name under which the gateway has this caller pinned: `[A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}`. */
  readonly identity: string;
  /** The Ed25519 key: `portableKeyPair(seed)`, or whatever else holds the 64 bytes seed || public key. */
  readonly signingKey: Pick<PortablePrivateKey, 'secret'>;
  /** Which of the identity's keys signs, `[A-Za-z0-9._-]{1,64}`. Absent: the gateway tries those that are valid. */
  readonly kid?: string | undefined;
  /**
   * SHA-256 over the DER of the client certificate, 64 hex digits. Proves nothing (the gateway hashes what it saw
   * in the handshake), and must be right when it is there. Absent: the header is left out.
   */
  readonly certificateSha256?: string | undefined;
  /** The exact bytes that will be sent, empty if there is no body. Send *these*, not a new serialisation. */
  readonly body: Uint8Array;
  /** Unix time in whole seconds, within the gateway's window (30 s either side by default) when it arrives. */
  readonly timestampSeconds: number;
  /** `[A-Za-z0-9_-]{8,128}`, never used before with this key; see `generateNonce`. */
  readonly nonce: string;
  /** Where the gateway is configured with names of its own. */
  readonly headerNames?: SecurityHeaderNames | undefined;
}

/** The proof, ready to be sent. */
export interface SignedHeaders {
  /** Header name to value, in the order of docs/wire-contract.md. Set them on the request as they are. */
  readonly headers: Readonly<Record<string, string>>;
  /** The signature alone: 64 bytes. */
  readonly signature: Uint8Array;
}

/**
 * Signs `timestamp` `.` `nonce` `.` body with Ed25519 (docs/wire-contract.md#a-signed-request) and gives the headers to send.
 * Deterministic: the same options give the same headers. Takes about 5 ms, and more for bodies near 1 MiB.
 *
 * The signature covers neither method nor path nor host: mutual TLS does that for the connection. Where a body
 * repeats timestamp or nonce (the federation routes), put the same values there before signing.
 *
 * @throws RangeError when an option does not have the syntax that the gateway accepts; its message names the option.
 */
export function signRequest(options: SignRequestOptions): SignedHeaders {
  const timestamp = String(options.timestampSeconds);
  assertSyntax(options, timestamp);
  const signature = portableSign(
    options.signingKey,
    signingInput({ timestamp, nonce: options.nonce, body: options.body }),
  );
  const names = options.headerNames ?? DEFAULT_HEADER_NAMES;
  const headers = [
    [names.identity, options.identity],
    [names.certificateSha256, options.certificateSha256?.toLowerCase()],
    [names.timestamp, timestamp],
    [names.nonce, options.nonce],
    [names.signature, encodeBase64(signature)],
    [names.kid, options.kid],
  ].filter((header): header is [string, string] => header[1] !== undefined);
  return { headers: Object.fromEntries(headers), signature };
}

/** The bytes that a signature covers. `timestamp` and `nonce` are texts of the headers, ASCII and without a dot. */
export function signingInput(parts: {
  readonly timestamp: string;
  readonly nonce: string;
  readonly body: Uint8Array;
}): Uint8Array {
  return concatBytes(new TextEncoder().encode(`${parts.timestamp}.${parts.nonce}.`), parts.body);
}

function assertSyntax(options: SignRequestOptions, timestamp: string): void {
  assertMatch('identity', options.identity, IDENTITY);
  assertMatch('timestampSeconds', timestamp, TIMESTAMP);
  assertMatch('nonce', options.nonce, NONCE);
  if (options.kid !== undefined) assertMatch('kid', options.kid, KID);
  if (options.certificateSha256 !== undefined)
    assertMatch('certificateSha256', options.certificateSha256, SHA256_HEX);
}

function assertMatch(option: string, value: string, syntax: RegExp): void {
  if (!syntax.test(value)) throw new RangeError(`${option} must match ${syntax.source}`);
}

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
