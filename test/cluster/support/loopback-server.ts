/** A program of another project that a suite starts on loopback, and what it said when it did not start. */
import { spawn, type ChildProcess } from 'node:child_process';
import { until } from '../../support/until.js';

/** What is kept of its words. */
const WORDS_BYTES = 20_000;

export class LoopbackServer {
  readonly #name: string;
  readonly #process: ChildProcess;
  #words = '';

  /** Starts it; `environment` is all that it gets. */
  constructor(name: string, binary: string, parameters: readonly string[], environment = {}) {
    this.#name = name;
    this.#process = spawn(binary, parameters, { stdio: ['ignore', 'ignore', 'pipe'], env: environment });
    this.#process.on('error', (error) => (this.#words += error.message));
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-WORDS_BYTES);
    });
  }

  /** Waits for it; rejects with its last words when it ends before, or does not become ready in time. */
  async becomes(isReady: () => Promise<boolean>): Promise<void> {
    try {
      await until(`${this.#name} is ready`, async () => {
        if (this.#hasEnded) throw new Error(`${this.#name} ended`);
        return isReady();
      });
    } catch (error) {
      await this.stop();
      throw new Error(`${(error as Error).message}; its last words:\n${this.#words}`, { cause: error });
    }
  }

  async stop(): Promise<void> {
    if (this.#hasEnded) return;
    const ended = new Promise((done) => this.#process.once('exit', done));
    this.#process.kill('SIGKILL');
    await ended;
  }

  get #hasEnded(): boolean {
    return (
      this.#process.pid === undefined || this.#process.exitCode !== null || this.#process.signalCode !== null
    );
  }
}
