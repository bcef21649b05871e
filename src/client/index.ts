/**
 * What a producer or a consumer imports: sign a request, send it over mutual TLS, read a refusal; verify signed
 * feedback, bind it to an execution, feed a policy.
 *
 * `sendSigned`, `readKeyringFile` and `fastVerifier` need Node. Everything else runs anywhere: in a browser take `browser.ts`, or the
 * bundle that `npm run build:browser` makes of it.
 */
export { portableKeyPair, type PortablePrivateKey } from '../crypto/portable.js';
export { fastVerifier } from '../crypto/engines.js';
export * from './feedback/index.js';
export { DEFAULT_HEADER_NAMES, type SecurityHeaderNames } from '../protocol/header-names.js';
export { readKeyringFile, type KeyringFileResult } from './keyring-file.js';
export {
  answerDecision,
  parseRefusal,
  parseRetryAfter,
  retryAdvice,
  type AnswerDecision,
  type RefusalDetails,
  type RetryAdvice,
} from './refusal-answer.js';
export type { SendFailure } from './send-failure.js';
export {
  sendSigned,
  type ClientTls,
  type CollectedAnswer,
  type SendOptions,
  type SendOutcome,
} from './send-signed.js';
export {
  generateNonce,
  signRequest,
  signingInput,
  webCryptoRandomBytes,
  type RandomBytes,
  type SignedHeaders,
  type SignRequestOptions,
} from './sign-request.js';
