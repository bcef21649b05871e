/** The signer in Envoy's response path: a session for each response. What a session does is in `processing-session.ts`. */
import { SigningSession, type ProcessingSession, type SigningOptions } from './processing-session.js';

export class ResponseSigner {
  readonly #options: SigningOptions;

  constructor(options: SigningOptions) {
    this.#options = options;
  }

  /** For one stream, and so for one response. */
  open(): ProcessingSession {
    return new SigningSession(this.#options);
  }
}
