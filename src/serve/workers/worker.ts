/** One worker as its supervisor sees it: a process that is started again, with a back-off, when it dies. */
import type { ChildProcess } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import type { Logger } from 'pino';
import type { LoadedFiles } from '../reload/load-files.js';
import type { SharedConfiguration } from './shared-configuration.js';
import type { TopicArgument, WorkerState, WorkerTopic } from './messages.js';
import { WorkerProcess } from './worker-process.js';

/** Failed starts in a row, before it has ever listened, after which the supervisor gives up. */
const ATTEMPTS_TO_START = 4;

/** What a worker needs. */
interface WorkerOptions {
  /** Counted from 0. */
  readonly number: number;
  readonly fork: () => ChildProcess;
  readonly logger: Logger;
  /** What each process starts with, and asks for again. Default: nothing is handed over. */
  readonly files?: SharedConfiguration | undefined;
  /** A process told its state. Default: nobody listens. */
  readonly onState?: () => void;
  /** A process died that was not told to stop. */
  readonly onDeath: () => void;
}

export class Worker {
  readonly number: number;
  /** Resolves when it listens for the first time; rejects with a sentence when it cannot start. */
  readonly listening: Promise<void>;
  /** Resolves when a successor has its socket: it is not replaced from then on. */
  readonly superseded: Promise<void>;
  /** Resolves when a process that was told to stop, or was superseded, is gone. */
  readonly gone: Promise<void>;
  readonly #options: WorkerOptions;
  readonly #logger: Logger;
  readonly #backOff = new BackOff();
  #process: WorkerProcess | undefined;
  #restart: NodeJS.Timeout | undefined;
  #replacements = 0;
  #everListened = false;
  #stopping = false;
  #listened!: () => void;
  #failed!: (reason: Error) => void;
  #succeeded!: () => void;
  #left!: () => void;

  constructor(options: WorkerOptions) {
    this.number = options.number;
    this.#options = options;
    this.#logger = options.logger.child({ worker: options.number });
    this.listening = new Promise((resolve, reject) => {
      this.#listened = resolve;
      this.#failed = reject;
    });
    this.superseded = new Promise((resolve) => (this.#succeeded = resolve));
    this.gone = new Promise((resolve) => (this.#left = resolve));
    this.#start();
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get state(): WorkerState | undefined {
    return this.#process?.state;
  }

  /** Processes that replaced a dead one. */
  get replacements(): number {
    return this.#replacements;
  }

  /** Undefined when nobody is there, or no answer comes in time. */
  async ask(topic: WorkerTopic, argument?: TopicArgument): Promise<unknown> {
    return this.#process?.ask(topic, argument);
  }

  /** Lets a process that was started to replace another take its socket. */
  takeOver(): void {
    this.#process?.takeOver();
  }

  /** Says whether any worker is told what becomes of allows. */
  tell(isTold: boolean): void {
    this.#process?.tell(isTold);
  }

  /** Passes a signal on, as SIGHUP for a reload. */
  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  /** From here on it is not replaced. `gone` tells when it has drained. */
  stop(): void {
    this.#stopping = true;
    clearTimeout(this.#restart);
    if (this.#process === undefined) this.#left();
    else this.#process.signal('SIGTERM');
  }

  #start(): void {
    const startedMs = performance.now();
    const { files, number } = this.#options;
    let given: LoadedFiles | undefined;
    const started = new WorkerProcess(this.#options.fork(), {
      onListening: () => this.#isListening(),
      onState: () => this.#options.onState?.(),
      onSuperseded: () => this.#isSuperseded(),
      onLoad: () =>
        void files?.load(number).then((found) => {
          given = found;
          started.handOver(found);
        }),
      onApplied: () => given && files?.keep(given),
      onEnd: (reason) => this.#ended(reason, performance.now() - startedMs),
    });
    this.#process = started;
    if (files !== undefined) started.handOver(files.lastGood);
  }

  #isListening(): void {
    this.#everListened = true;
    this.#logger.info({ worker_pid: this.pid }, 'a worker listens');
    this.#listened();
  }

  #isSuperseded(): void {
    this.#stopping = true;
    this.#logger.info({ worker_pid: this.pid }, 'a successor has taken the socket of a worker');
    this.#succeeded();
  }

  #ended(reason: string, lifeMilliseconds: number): void {
    const pid = this.pid;
    this.#process = undefined;
    this.#options.files?.release(this.number);
    if (this.#stopping) {
      this.#left();
      return;
    }
    const pause = this.#backOff.pauseMilliseconds(lifeMilliseconds);
    this.#logger.error({ worker_pid: pid, reason, again_in_ms: pause }, 'a worker died');
    this.#options.onDeath();
    this.#replacements += 1;
    if (!this.#everListened && this.#replacements >= ATTEMPTS_TO_START)
      this.#failed(new Error(`worker ${this.number} ${reason} before it listened; its own message says why`));
    else this.#restart = setTimeout(() => this.#start(), pause);
  }
}

const FIRST_MILLISECONDS = 100;
const LONGEST_MILLISECONDS = 10_000;
/** Who lived that long was no failed start: the next one comes at once. */
const SOUND_LIFE_MILLISECONDS = 10_000;

export class BackOff {
  #failures = 0;

  /** The pause after a life of this many milliseconds: none after a sound one or the first short one, then doubling. */
  pauseMilliseconds(lifeMilliseconds: number): number {
    if (lifeMilliseconds >= SOUND_LIFE_MILLISECONDS) this.#failures = 0;
    const pause = this.#failures === 0 ? 0 : FIRST_MILLISECONDS * 2 ** (this.#failures - 1);
    this.#failures += 1;
    return Math.min(pause, LONGEST_MILLISECONDS);
  }
}
