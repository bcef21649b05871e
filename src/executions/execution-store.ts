/**
 * The port behind which the pairs of execution and attestation are kept: what each tenant has submitted in
 * execution graphs that passed ingress. The feedback signer asks it whether an adjustment is about something
 * that really happened (docs/wire-contract.md#a-signed-answer).
 */

/** One execution of one tenant, with the measurement that was attested for it. */
export interface ExecutionPair {
  /** As the operator maps to it, compared byte for byte. */
  readonly tenant: string;
  /** The execution fingerprint, 64 lower-case hex digits. */
  readonly execution: string;
  /** The attestation measurement hash, 64 lower-case hex digits. */
  readonly attestation: string;
}

/**
 * Bounded: the oldest pair of a tenant is forgotten for its newest, the oldest of all when the store is full,
 * and everything after its retention. What is forgotten is unknown, so forgetting only ever refuses.
 */
export interface ExecutionStore {
  readonly name: 'memory' | 'lmdb' | 'redis';
  /**
   * Keeps the pair; one that is known becomes the newest again. Resolves when it is as durable as a nonce in
   * the store beside it. Rejects on I/O faults, on a full disk and after `close`.
   *
   * @param nowMs Unix milliseconds
   */
  remember(pair: ExecutionPair, nowMs: number): Promise<void>;
  /**
   * Whether exactly this pair was remembered for this tenant and is still kept, whichever process remembered
   * it. False after `close`. Throws on I/O faults. A store behind a network answers later, and rejects when it
   * cannot know.
   *
   * @param nowMs Unix milliseconds
   */
  has(pair: ExecutionPair, nowMs: number): boolean | Promise<boolean>;
  /** Waits for what is being kept. Calling it twice does no harm. */
  close(): Promise<void>;
}
