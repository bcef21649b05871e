/** Further verifiers beside that of a stage, each a process of its own that the test ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../../tools/local-federation/layout.js';
import { askHealth } from '../../../src/envoy/health/client.js';
import { until } from '../../support/until.js';

const root = repositoryRoot();

/** How it is started. */
export interface VerifierProcessOptions {
  readonly configurationFile: string;
  /** Where its output goes. */
  readonly logFile: string;
  readonly replace?: boolean;
  /** Descriptors instead of the log. */
  readonly stdout?: number | undefined;
  readonly stderr?: number | undefined;
}

export class VerifierProcess {
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  readonly #child: ChildProcess;
  #hasEnded = false;

  constructor({ configurationFile, logFile, replace = false, stdout, stderr }: VerifierProcessOptions) {
    const log = openSync(logFile, 'a', 0o600);
    const args = ['serve', ...(replace ? ['--replace'] : []), '--config', configurationFile];
    this.#child = spawn(process.execPath, [join(root, 'dist/src/main.js'), ...args], {
      stdio: ['ignore', stdout ?? log, stderr ?? log],
    });
    closeSync(log);
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#hasEnded = true;
        resolve(code ?? signal);
      });
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGTERM, and how that ended. */
  stop(): Promise<number | NodeJS.Signals | null> {
    if (!this.#hasEnded) this.#child.kill('SIGTERM');
    return this.ended;
  }
}

/** Waits until what listens on the socket serves. */
export function serves(socketPath: string): Promise<void> {
  const question = { socketPath, service: '', timeoutMilliseconds: 1_000 };
  return until('the verifier serves', async () => (await askHealth(question)).kind === 'serving', {
    atMostMs: 30_000,
  });
}
