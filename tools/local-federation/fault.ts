/** What went wrong on this machine, told so that its owner can mend it. */

/** An expected failure of starting or stopping: shown as its message and remedy, without a stack trace. */
export class FederationFault extends Error {
  /** What to do about it, as an instruction. */
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.name = 'FederationFault';
    this.remedy = remedy;
  }
}
