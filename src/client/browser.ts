/** The browser bundle: everything of the client that needs no Node. `npm run build:browser` makes one file of it. */
export { portableKeyPair, type PortablePrivateKey } from '../crypto/portable.js';
export * from './feedback/index.js';
export { DEFAULT_HEADER_NAMES, type SecurityHeaderNames } from '../protocol/header-names.js';
export { parseRefusal, parseRetryAfter, type RefusalDetails } from './refusal-answer.js';
export {
  generateNonce,
  signRequest,
  signingInput,
  webCryptoRandomBytes,
  type RandomBytes,
  type SignedHeaders,
  type SignRequestOptions,
} from './sign-request.js';
