/**
 * The sequencer as its process sees it: a thread that seals what the verifiers of this machine have appended into tiles
 * and checkpoints, at least once a second. The serving loop is never waited for, and never waits.
 */
import type { CompanionSpec } from './companion.js';

/** What the sequencer is started with. */
export interface SequencerOptions {
  /** Of a log that `prepareLog` has prepared. */
  readonly directory: string;
  /** As `prepareLog` gave it. */
  readonly origin: string;
  /** The 64 secret bytes of the log's key; a copy is made for the thread. */
  readonly secret: Uint8Array;
  /** Records older than this are pruned; never, when absent. */
  readonly retentionDays?: number | undefined;
  readonly companions?: readonly CompanionSpec[];
  /** Sentences for the process's log. */
  readonly report: (
    level: 'info' | 'warn',
    message: string,
    members?: Readonly<Record<string, unknown>>,
  ) => void;
}

/** How the log stands. */
export interface SequencerStatus {
  readonly origin: string;
  /** Leaves of the last committed checkpoint. */
  readonly size: number;
  /** Wall clock of its commit, Unix milliseconds. */
  readonly checkpointAtMs: number;
  /** Appended and not yet sealed, over all write-ahead files. */
  readonly unsealedBytes: number;
  /** Since when something is waiting to be sealed, Unix milliseconds; undefined when nothing is. */
  readonly unsealedSinceMs: number | undefined;
  /** The lowest index whose record is still there. */
  readonly minimumIndex: number;
  /** Losses that this sequencer has recorded since its start. */
  readonly losses: number;
  /** Why nothing can be sealed right now; undefined while it can. */
  readonly fault: string | undefined;
  /** By the name of the companion. */
  readonly companions: Readonly<Record<string, unknown>>;
}

/** A running sequencer. */
export interface Sequencer {
  /** As it was told last: at most a second old. */
  status(): SequencerStatus;
  /** Seals all that is appended now. Rejects with the fault when it cannot. */
  sealNow(): Promise<void>;
  /** The last seal, to be called when the writers of this process have closed; then ends the companions and the thread. */
  close(): Promise<void>;
}
