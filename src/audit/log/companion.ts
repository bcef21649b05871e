/**
 * What runs beside the sequencer, in its thread, and is fed by committed checkpoints alone: the mirror and the witness
 * client. They do their work asynchronously, and sealing never waits for them.
 */

/** A checkpoint that the log stands by: it and every tile that it needs are on the disk. */
export interface CommittedCheckpoint {
  /** The signed note, as it is published, without cosignatures. */
  readonly note: string;
  readonly origin: string;
  /** Leaves. */
  readonly size: number;
  readonly root: Buffer;
  /** Wall clock of the commit, Unix milliseconds. */
  readonly committedAtMs: number;
}

/** What a companion is given when it starts. */
export interface CompanionContext {
  /** The log's directory. */
  readonly directory: string;
  readonly origin: string;
  /** The log's verifier key (C2SP signed-note), one line. */
  readonly verifierKey: string;
  /** Says a sentence in the process's log. */
  report(
    level: 'info' | 'warn' | 'error',
    message: string,
    members?: Readonly<Record<string, unknown>>,
  ): void;
  /**
   * Adds cosignature lines (each with its newline) to the published checkpoint of this size. Nothing happens when a
   * later one stands already, or when the lines are there. Verified by the caller.
   */
  addCosignatures(size: number, lines: readonly string[]): void;
}

/** One of them while it runs. */
export interface Companion {
  /** Told of each commit, and of the last one at the start. Returns at once and does not throw. */
  onCommitted(checkpoint: CommittedCheckpoint): void;
  /** Leaves that it has delivered for good: nothing above is pruned. */
  heldSize(): number;
  /** What `/status` and the metrics show of it; can be cloned to another thread. */
  status(): unknown;
  /** Ends its work, the last checkpoint's included where it can be done by `deadlineMs` (monotonic, milliseconds). */
  close(deadlineMs: number): Promise<void>;
}

/** What a companion's module exports, loaded only where it is configured. */
export interface CompanionModule {
  startCompanion(options: unknown, context: CompanionContext): Companion | Promise<Companion>;
}

/** Names a companion to be started in the sequencer's thread. */
export interface CompanionSpec {
  /** Its key in the status: `mirror`, `witnesses`. */
  readonly name: string;
  /** URL of its module, as `new URL('…', import.meta.url).href` gives it. */
  readonly module: string;
  /** Can be cloned to another thread. */
  readonly options: unknown;
}
