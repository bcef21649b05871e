/**
 * The sequencer as its process sees it: a thread that seals what the verifiers of this machine have appended into tiles
 * and checkpoints, at least once a second. The serving loop is never waited for, and never waits.
 */
import { Worker } from 'node:worker_threads';
import type { CompanionSpec } from './companion.js';
import type { ThreadData, ThreadMessage, ThreadQuestion, ThreadStatus } from './sequencer-messages.js';

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
    level: 'info' | 'warn' | 'error',
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

const THREAD_MAIN = new URL('sequencer-thread.js', import.meta.url);
/** A thread that ended by itself is started again this much later. */
const RESTART_MILLISECONDS = 1_000;
const MEMORY_MIB = 512;

/** Starts the thread. It begins with what is there; nothing is waited for. */
export function startSequencer(options: SequencerOptions): Sequencer {
  return new ThreadedSequencer(options);
}

class ThreadedSequencer implements Sequencer {
  readonly #options: SequencerOptions;
  readonly #secret: Uint8Array;
  readonly #waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  #thread: Worker | undefined;
  #status: SequencerStatus;
  #questions = 0;
  #isClosing = false;

  constructor(options: SequencerOptions) {
    this.#options = options;
    this.#secret = Uint8Array.from(options.secret);
    this.#status = {
      origin: options.origin,
      size: 0,
      checkpointAtMs: 0,
      unsealedBytes: 0,
      unsealedSinceMs: undefined,
      minimumIndex: 0,
      losses: 0,
      fault: undefined,
      companions: {},
    };
    this.#start();
  }

  status(): SequencerStatus {
    return this.#status;
  }

  sealNow(): Promise<void> {
    return this.#ask('seal');
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#ask('close');
    this.#secret.fill(0);
  }

  #start(): void {
    const { directory, origin, retentionDays, companions = [] } = this.#options;
    const workerData: ThreadData = {
      directory,
      origin,
      secret: Uint8Array.from(this.#secret),
      retentionDays,
      companions,
    };
    const resourceLimits = { maxOldGenerationSizeMb: MEMORY_MIB };
    const thread = new Worker(THREAD_MAIN, { workerData, resourceLimits, name: 'sequencer' });
    this.#thread = thread;
    let reason = 'the thread that seals has ended';
    thread.on('message', (message: ThreadMessage) => this.#told(message));
    thread.on('error', (error) => (reason = `the thread that seals has failed: ${error.message}`));
    thread.once('exit', () => this.#ended(reason));
  }

  #told(message: ThreadMessage): void {
    if (message.kind === 'report') this.#options.report(message.level, message.message, message.members);
    else if (message.kind === 'status') this.#stands(message.status);
    else {
      const asked = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.fault === undefined) asked?.resolve();
      else asked?.reject(new Error(message.fault));
    }
  }

  #stands(status: ThreadStatus): void {
    const isWaiting = status.unsealedBytes > 0 || status.fault !== undefined;
    const since = this.#status.unsealedSinceMs ?? Date.now();
    if (status.fault !== undefined && status.fault !== this.#status.fault)
      this.#options.report('warn', `the audit log cannot be sealed: ${status.fault}`);
    if (status.fault === undefined && this.#status.fault !== undefined)
      this.#options.report('info', 'the audit log is sealed again');
    this.#status = {
      ...status,
      origin: this.#options.origin,
      unsealedSinceMs: isWaiting ? since : undefined,
    };
  }

  /** What was asked of it is not answered any more. */
  #ended(reason: string): void {
    this.#thread = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new Error(reason));
    if (this.#isClosing) return;
    this.#stands({ ...this.#status, fault: reason });
    setTimeout(() => {
      if (!this.#isClosing) this.#start();
    }, RESTART_MILLISECONDS).unref();
  }

  #ask(kind: ThreadQuestion['kind']): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined)
      return Promise.reject(new Error(this.#status.fault ?? 'the sequencer is closed'));
    const id = ++this.#questions;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      thread.postMessage({ kind, id } satisfies ThreadQuestion);
    });
  }
}
