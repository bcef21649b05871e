/** The process of a module as its parent sees it: started with nothing of ours, asked, killed. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Pkcs11Settings } from '../settings.js';
import { AT_ONCE, LIFELINE, type OpenMessage, type ProcessMessage, type Question } from './messages.js';

const MODULE_MAIN = fileURLToPath(new URL('module-main.js', import.meta.url));
/** Modules of tokens in the network make connections first. */
const OPEN_MILLISECONDS = 10_000;
/** To log out. */
const CLOSE_MILLISECONDS = 2_000;
const MOST_OF_A_REASON = 300;

/** Where what happens to it goes. */
export interface ProcessEvents {
  onReady(atOnce: number): void;
  /** Bytes of the token, which nobody has looked at; or why there are none. */
  onAnswer(id: number, answer: Uint8Array | string): void;
  /** Once, after which nothing more is heard of it. */
  onEnd(reason: string, isPinFault: boolean): void;
}

export class ModuleProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #deadline: NodeJS.Timeout | undefined;
  #reason: string | undefined;
  #isPinFault = false;

  /** Throws what Node does where a process cannot even be tried, and after it nothing is heard of. */
  constructor(settings: Pkcs11Settings, events: ProcessEvents, main = MODULE_MAIN) {
    const { modulePath, token, slot, pin, environment } = settings;
    this.#child = fork(main, [], {
      env: { ...environment, UV_THREADPOOL_SIZE: String(AT_ONCE) },
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc', 'pipe'],
    });
    // Without a descriptor for its pipes Node gives a child that has none, and an error for nobody later on.
    this.#child.on('error', () => undefined);
    if (!Array.isArray(this.#child.stdio)) throw new Error('there is no descriptor for it');
    this.#ended = this.#end(events);
    this.#child.stdio[LIFELINE]?.on('error', () => undefined);
    this.#child.on('message', (message) => this.#hear(message as ProcessMessage, events));
    this.#killAfter(OPEN_MILLISECONDS, `did not open the token within ${OPEN_MILLISECONDS / 1000} s`);
    this.#send({ modulePath, token, slot, pin: pin() });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  #end(events: ProcessEvents): Promise<void> {
    return new Promise((resolve) => {
      const end = (why: string): void => {
        clearTimeout(this.#deadline);
        resolve();
        events.onEnd(this.#reason ?? why, this.#isPinFault);
      };
      // A message that cannot be sent is an error, too; its end tells what became of it.
      this.#child.on('error', (error) => {
        if (this.#child.pid === undefined) end(`cannot be started: ${error.message}`);
      });
      this.#child.once('exit', (status, signal) => end(`ended with ${signal ?? `status ${status}`}`));
    });
  }

  #hear(message: ProcessMessage, events: ProcessEvents): void {
    if (message.kind === 'answer') events.onAnswer(message.id, message.bytes);
    else if (message.kind === 'refused') events.onAnswer(message.id, readable(message.reason));
    else if (message.kind === 'ends') {
      this.#reason = readable(message.reason);
      this.#isPinFault = message.isPinFault;
      this.#killAfter(CLOSE_MILLISECONDS, this.#reason);
    } else {
      clearTimeout(this.#deadline);
      events.onReady(message.atOnce);
    }
  }

  ask(question: Question): void {
    this.#send(question);
  }

  #send(message: OpenMessage | Question): void {
    this.#child.send(message, () => undefined);
  }

  /** Its end is heard of as that of every other. */
  kill(reason: string): void {
    this.#reason = reason;
    this.#child.kill('SIGKILL');
  }

  #killAfter(milliseconds: number, reason: string): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.kill(reason), milliseconds);
  }

  /** Logs out and ends; resolves when it is gone. */
  async close(): Promise<void> {
    this.#killAfter(CLOSE_MILLISECONDS, 'did not log out');
    if (this.#child.connected) this.#child.disconnect();
    await this.#ended;
  }
}

/** What a module says goes into logs: short, and in one line. */
function readable(reason: string): string {
  return reason.slice(0, MOST_OF_A_REASON).replace(/[^\x20-\x7e]/g, '?');
}
