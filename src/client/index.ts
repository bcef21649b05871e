/**
 * What a producer imports: sign a request, send it over mutual TLS, and read a refusal.
 *
 * `signRequest` and `generateNonce` run anywhere; in a browser import their files by themselves.
 * `sendSigned` needs Node.
 */
export { portableKeyPair, type PortablePrivateKey } from '../crypto/portable.js';
export type { CollectedAnswer } from './collect-answer.js';
export { DEFAULT_HEADER_NAMES, type SecurityHeaderNames } from './header-names.js';
export { generateNonce, webCryptoRandomBytes, type RandomBytes } from './nonce.js';
export { parseRefusal, parseRetryAfter, type RefusalDetails } from './refusal-answer.js';
export type { SendFailure } from './send-failure.js';
export { sendSigned, type ClientTls, type SendOptions, type SendOutcome } from './send-signed.js';
export { signRequest, signingInput, type SignedHeaders, type SignRequestOptions } from './sign-request.js';
