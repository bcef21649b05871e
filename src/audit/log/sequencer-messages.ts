/** What the sequencer's thread and its process say to each other. */
import type { CompanionSpec } from './companion.js';

/** What the thread is started with. */
export interface ThreadData {
  readonly directory: string;
  readonly origin: string;
  readonly secret: Uint8Array;
  readonly retentionDays: number | undefined;
  readonly companions: readonly CompanionSpec[];
}

/** Asks for a seal of all that is there, or for the end; each is answered by `done`. */
export interface ThreadQuestion {
  readonly kind: 'seal' | 'close';
  readonly id: number;
}

/** How the log stands, as `SequencerStatus` shows it. */
export interface ThreadStatus {
  readonly size: number;
  readonly checkpointAtMs: number;
  readonly unsealedBytes: number;
  readonly minimumIndex: number;
  readonly losses: number;
  readonly fault: string | undefined;
  readonly companions: Readonly<Record<string, unknown>>;
}

export type ThreadMessage =
  | { readonly kind: 'status'; readonly status: ThreadStatus }
  | { readonly kind: 'done'; readonly id: number; readonly fault: string | undefined }
  | {
      readonly kind: 'report';
      readonly level: 'info' | 'warn' | 'error';
      readonly message: string;
      readonly members: Readonly<Record<string, unknown>> | undefined;
    };
