/**
 * Signatures by a token behind a PKCS#11 module. The module is code of a vendor that may crash, hang or leak, so it has a
 * process of its own, which is killed when it is late and replaced when it ends; what it was asked then is asked once more.
 */
import type { KeyReference, KeySource, KeySourceAnswer, KeySourceFault } from '../key-source.js';
import type { Pkcs11Settings } from '../settings.js';
import { Line } from './line.js';
import { AT_ONCE } from './messages.js';
import { ModuleProcess, type ProcessEvents } from './module-process.js';

const SIGNATURE_BYTES = 64;
const PUBLIC_KEY_BYTES = 32;
/** Between one process that did nothing and the next: doubled each time. */
const FIRST_REST_MILLISECONDS = 250;
const LONGEST_REST_MILLISECONDS = 30_000;

interface Waiting {
  readonly id: number;
  readonly key: string;
  /** Undefined where the public half is asked for. */
  readonly message: Uint8Array | undefined;
  settle(answer: KeySourceAnswer): void;
  /** Until its turn, and then until its answer. */
  deadline: NodeJS.Timeout | undefined;
  wasAskedBefore: boolean;
}

/** What a test does otherwise. */
interface SourceOptions {
  /** The file that the process runs. */
  readonly processMain?: string;
}

/** Starts the process of the module, and waits for nothing: a token that is away at the start comes later. */
export function openPkcs11Source(
  settings: Pkcs11Settings,
  { processMain }: SourceOptions = {},
): Promise<Pkcs11Source> {
  return Promise.resolve(new Pkcs11Source(settings, processMain));
}

class Pkcs11Source implements KeySource {
  readonly kind = 'pkcs11';
  readonly name: string;
  readonly maxMessageBytes: number;
  readonly #settings: Pkcs11Settings;
  readonly #processMain: string | undefined;
  readonly #line = new Line<Waiting>();
  readonly #asked = new Map<number, Waiting>();
  #process: ModuleProcess | undefined;
  /** How many it may be asked at once; 0 until it has opened the token. */
  #atOnce = 0;
  /** Whether the present one gave an answer. */
  #isProven = false;
  /** Why nobody is asked now. */
  #fault: { readonly kind: KeySourceFault; readonly reason: string } | undefined;
  #rest: NodeJS.Timeout | undefined;
  #restMilliseconds = FIRST_REST_MILLISECONDS;
  #lastId = 0;

  constructor(settings: Pkcs11Settings, processMain: string | undefined) {
    this.#settings = settings;
    this.#processMain = processMain;
    this.name = settings.name;
    this.maxMessageBytes = settings.maxMessageBytes;
    this.#start();
  }

  /** For tests that stop or kill it. */
  get processId(): number | undefined {
    return this.#process?.pid;
  }

  sign(reference: KeyReference, message: Uint8Array): Promise<KeySourceAnswer> {
    if (message.length <= this.maxMessageBytes) return this.#ask(reference, message);
    const reason = `a message of ${message.length} bytes is longer than ${this.maxMessageBytes}`;
    return Promise.resolve({ ok: false, fault: 'too_large', reason });
  }

  publicKey(reference: KeyReference): Promise<KeySourceAnswer> {
    return this.#ask(reference, undefined);
  }

  #ask({ key, version }: KeyReference, message: Uint8Array | undefined): Promise<KeySourceAnswer> {
    return new Promise((settle) => {
      const id = (this.#lastId += 1);
      const waiting: Waiting = { id, key, message, settle, deadline: undefined, wasAskedBefore: false };
      if (version !== undefined) fail(waiting, 'refused', 'keys of a PKCS#11 token have no version');
      else if (this.#fault !== undefined) fail(waiting, this.#fault.kind, this.#fault.reason);
      else if (!this.#line.add(waiting)) fail(waiting, 'overloaded', 'too many wait for this key');
      else this.#wait(waiting);
    });
  }

  /** Half of the time: whoever asked gives up after all of it, and is told before that nothing is wrong with the key. */
  #wait(waiting: Waiting): void {
    clearTimeout(waiting.deadline);
    waiting.deadline = setTimeout(() => {
      this.#line.remove(waiting);
      if (this.#atOnce === 0) fail(waiting, 'away', 'the token is not open yet');
      else fail(waiting, 'overloaded', 'the token has had no time for it');
    }, this.#settings.timeoutMilliseconds / 2);
    this.#askNext();
  }

  #askNext(): void {
    while (this.#process !== undefined && this.#asked.size < this.#atOnce) {
      const next = this.#line.take();
      if (next === undefined) return;
      clearTimeout(next.deadline);
      this.#asked.set(next.id, next);
      next.deadline = setTimeout(() => this.#isLate(next), this.#settings.timeoutMilliseconds);
      const { id, key, message } = next;
      // A Buffer goes over as its own bytes, another view with all that lies around it.
      this.#process.ask({
        id,
        key,
        message: message && Buffer.from(message.buffer, message.byteOffset, message.length),
      });
    }
  }

  /** A thread of the process hangs in the module: nothing but its end gets it out. */
  #isLate(waiting: Waiting): void {
    const reason = `has not answered within ${this.#settings.timeoutMilliseconds} ms`;
    this.#asked.delete(waiting.id);
    fail(waiting, 'away', reason);
    this.#process?.kill(reason);
  }

  #start(): void {
    this.#isProven = false;
    this.#fault = undefined;
    const events: ProcessEvents = {
      onReady: (atOnce) => {
        this.#atOnce = Math.min(AT_ONCE, atOnce);
        this.#askNext();
      },
      onAnswer: (id, answer) => this.#settle(id, answer),
      onEnd: (reason, isPinFault) => this.#replace(reason, isPinFault),
    };
    try {
      this.#process = new ModuleProcess(this.#settings, events, this.#processMain);
    } catch (error) {
      // Of a machine that has no descriptor or no memory for it, which is no reason to end as well.
      this.#replace(`cannot be started: ${(error as Error).message}`, false);
    }
  }

  #settle(id: number, answer: Uint8Array | string): void {
    const waiting = this.#asked.get(id);
    if (waiting === undefined) return;
    this.#asked.delete(id);
    this.#isProven = true;
    this.#restMilliseconds = FIRST_REST_MILLISECONDS;
    const expected = waiting.message === undefined ? PUBLIC_KEY_BYTES : SIGNATURE_BYTES;
    if (typeof answer === 'string') fail(waiting, 'refused', answer);
    else if (answer.length === expected) succeed(waiting, answer);
    else fail(waiting, 'refused', `the token gave ${answer.length} bytes in place of ${expected}`);
    this.#askNext();
  }

  /** At once where it has worked until now, and else after a rest that grows; never with a PIN that was refused. */
  #replace(reason: string, isPinFault: boolean): void {
    this.#process = undefined;
    this.#atOnce = 0;
    if (this.#fault !== undefined) return;
    if (isPinFault) {
      const place = `keys.sources.${this.name}.pinFile`;
      this.#give('refused', `${reason}; that PIN is not tried again: put ${place} right and restart`);
    } else if (this.#isProven) {
      this.#askAgain(reason);
      this.#start();
    } else {
      this.#give('away', reason);
      this.#rest = setTimeout(() => this.#start(), this.#restMilliseconds).unref();
      this.#restMilliseconds = Math.min(2 * this.#restMilliseconds, LONGEST_REST_MILLISECONDS);
    }
  }

  /** A signature twice is the same signature (RFC 8032 §5.1.6). What ended two processes is not given to a third one. */
  #askAgain(reason: string): void {
    for (const waiting of [...this.#asked.values()].reverse()) {
      if (waiting.wasAskedBefore) {
        fail(waiting, 'away', reason);
        continue;
      }
      waiting.wasAskedBefore = true;
      this.#line.putBack(waiting);
      this.#wait(waiting);
    }
    this.#asked.clear();
  }

  /** Nobody is asked until the next start: all that wait are told so. */
  #give(kind: KeySourceFault, reason: string): void {
    this.#fault = { kind, reason };
    for (const waiting of this.#asked.values()) fail(waiting, kind, reason);
    this.#asked.clear();
    for (let next = this.#line.take(); next !== undefined; next = this.#line.take()) fail(next, kind, reason);
  }

  async close(): Promise<void> {
    clearTimeout(this.#rest);
    this.#give('away', 'is closed');
    await this.#process?.close();
  }
}

function succeed(waiting: Waiting, bytes: Uint8Array): void {
  clearTimeout(waiting.deadline);
  waiting.settle({ ok: true, bytes });
}

function fail(waiting: Waiting, fault: KeySourceFault, reason: string): void {
  clearTimeout(waiting.deadline);
  waiting.settle({ ok: false, fault, reason });
}
