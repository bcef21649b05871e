/** The supervisor's end of the channel to one worker, from its fork to its end. */
import type { ChildProcess } from 'node:child_process';
import type { LoadedFiles } from '../reload/load-files.js';
import type { FromWorker, TopicArgument, ToWorker, WorkerState, WorkerTopic } from './messages.js';

/** A scrape waits no longer for a busy worker. */
const ANSWER_MILLISECONDS = 1_000;
/** A load takes its time, and is bounded by itself; another one may be under way before it. */
const RELOAD_MILLISECONDS = 700_000;
const LIVENESS_CHECK_MILLISECONDS = 1_000;
/** Checks in a row without a sign of life, of which a worker gives four a second: it does not come back by itself. */
const MISSED_CHECKS_MAX = 10;

/** Who is told what becomes of the process. */
interface WorkerEvents {
  /** The first state that a worker tells: its services listen by then. */
  readonly onListening: () => void;
  /** A successor has its socket. */
  readonly onSuperseded: () => void;
  /** It told its state. Default: nobody listens. */
  readonly onState?: () => void;
  /** It asks for what is in the files. */
  readonly onLoad: () => void;
  /** What it was given last is in force there. */
  readonly onApplied: () => void;
  /** It is gone; `reason` in words. */
  readonly onEnd: (reason: string) => void;
}

export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #events: WorkerEvents;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  readonly #watch: NodeJS.Timeout;
  #state: WorkerState | undefined;
  #questions = 0;
  #isTold = false;
  #missedChecks = 0;
  #hung = false;

  constructor(child: ChildProcess, events: WorkerEvents) {
    this.#child = child;
    this.#events = events;
    this.#watch = setInterval(() => this.#checkLiveness(), LIVENESS_CHECK_MILLISECONDS);
    child.on('message', (message) => this.#take(message as FromWorker));
    child.once('exit', (code, signal) => this.#end(code, signal));
    child.once('error', (error) => this.#neverStarted(error));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it told last; undefined before it listens. */
  get state(): WorkerState | undefined {
    return this.#state;
  }

  /** Its answer; undefined when it gives none in time. */
  ask(topic: WorkerTopic, argument?: TopicArgument): Promise<unknown> {
    return new Promise((resolve) => {
      const id = ++this.#questions;
      const settle = (answer: unknown): void => {
        clearTimeout(deadline);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const limit = topic === 'reload' ? RELOAD_MILLISECONDS : ANSWER_MILLISECONDS;
      const deadline = setTimeout(() => settle(undefined), limit);
      this.#waiting.set(id, settle);
      this.#send({ kind: 'question', id, topic, argument }, () => settle(undefined));
    });
  }

  /** Lets it take the socket. One that is gone meanwhile is started again like any other. */
  takeOver(): void {
    this.#send({ kind: 'take_over' }, () => undefined);
  }

  /** Gives it what a load has found. A worker that is gone asks for nothing. */
  handOver({ problems, parts = [], generation }: LoadedFiles): void {
    const ignore = (): void => undefined;
    for (const part of parts) this.#send({ kind: 'part', ...part }, ignore);
    this.#send({ kind: 'loaded', problems, generation }, ignore);
  }

  /** Says whether any worker is told what becomes of allows; sent where that has changed. */
  tell(isTold: boolean): void {
    if (this.#isTold === isTold || this.#state === undefined) return;
    this.#isTold = isTold;
    this.#send({ kind: 'told', isTold }, () => undefined);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  #send(message: ToWorker, onFailure: () => void): void {
    if (this.#child.connected) this.#child.send(message, (error) => error && onFailure());
    else onFailure();
  }

  #take(message: FromWorker): void {
    this.#missedChecks = 0;
    if (message.kind === 'answer') this.#waiting.get(message.id)?.(message.answer);
    else if (message.kind === 'superseded') this.#events.onSuperseded();
    else if (message.kind === 'load') this.#events.onLoad();
    else if (message.kind === 'applied') this.#events.onApplied();
    else this.#takeState(message);
  }

  #takeState(state: WorkerState): void {
    const listensNow = this.#state === undefined;
    this.#state = state;
    if (listensNow) this.#events.onListening();
    this.#events.onState?.();
  }

  /** Checks are counted and not the time: after a stand-still of this process there was nobody to hear anything. */
  #checkLiveness(): void {
    if (this.#state === undefined) return;
    this.#missedChecks += 1;
    if (this.#missedChecks < MISSED_CHECKS_MAX) return;
    this.#hung = true;
    this.#child.kill('SIGKILL');
  }

  #end(code: number | null, signal: NodeJS.Signals | null): void {
    clearInterval(this.#watch);
    this.#state = undefined;
    for (const settle of this.#waiting.values()) settle(undefined);
    const how = code === null ? `was ended by ${String(signal)}` : `ended with ${code}`;
    this.#events.onEnd(this.#hung ? 'gave no sign of life and was killed' : how);
  }

  #neverStarted(error: Error): void {
    if (this.#child.pid !== undefined) return;
    clearInterval(this.#watch);
    this.#events.onEnd(`could not be started: ${error.message}`);
  }
}
