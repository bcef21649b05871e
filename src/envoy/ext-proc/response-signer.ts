/** The signer in Envoy's response path: a session for each response. What a session does is in `processing-session.ts`. */
import { SigningSession, type ProcessingSession, type SigningOptions } from './processing-session.js';

/** Keeps the keys of the present snapshot usable, until what it returns is called. */
export type Hold = () => () => void;

const holdNothing: Hold = () => () => undefined;

export class ResponseSigner {
  readonly #options: SigningOptions;
  readonly #hold: Hold;

  /** `hold` is called when a session takes its snapshot, and what it returns when the session has ended. */
  constructor(options: SigningOptions, hold: Hold = holdNothing) {
    this.#options = options;
    this.#hold = hold;
  }

  /** For one stream, and so for one response. */
  open(): ProcessingSession {
    const release = this.#hold();
    const session = new SigningSession(this.#options);
    return {
      answer: (message) => session.answer(message),
      refuse: () => session.refuse(),
      isDone: () => session.isDone(),
      identity: () => session.identity(),
      close: () => {
        session.close();
        release();
      },
    };
  }
}
