/**
 * One key of a source, with what stands between it and those who want signatures: a self-test before the first, a
 * deadline, a bounded queue, a breaker, and the strict verification of each signature before it leaves. Nothing here is
 * shared with another key, so that one tenant's key that hangs or lies costs no other one anything.
 */
import type { StrictVerifier } from '../crypto/ed25519.js';
import { deadline } from '../storage/deadline.js';
import { AnswerQueue } from './answer-queue.js';
import type { KeySource, KeySourceAnswer, KeySourceFault } from './key-source.js';
import { faultOfKey, holds, settled, WRONG_SIGNATURE, type PinnedKey } from './test-key.js';

/** `untested`: its first test is under way. `down`: it is not asked until a test passes. */
export type KeyState = 'untested' | 'up' | 'down';

/** What became of one request for a signature, for the metrics. */
export type SignatureResult = 'signed' | 'wrong_signature' | KeySourceFault;

/** Who is told what becomes of a key. */
export interface KeyObserver {
  /** It signs, or signs again. */
  readonly up: (key: PinnedKey) => void;
  /** It is not asked any more; `reason` as in {@link KeySourceAnswer}. Again for each other reason that a test finds later: the first may be no more than that it is late. */
  readonly down: (key: PinnedKey, reason: string) => void;
  /** `seconds`: that the source took, where it was asked. */
  readonly result: (key: PinnedKey, result: SignatureResult, seconds: number | undefined) => void;
}

/** Everything that a key is guarded with; all of it is passed in. */
export interface GuardOptions {
  readonly source: KeySource;
  /** Of one signature. */
  readonly timeoutMilliseconds: number;
  readonly verifier: StrictVerifier;
  readonly observer: KeyObserver;
  readonly monotonicMs: () => number;
  /** Runs a test when fewer than may are under way at this source. */
  readonly turn: <T>(test: () => Promise<T>) => Promise<T>;
  /** Between a test that failed and the next one: doubled each time. */
  readonly firstRestMilliseconds: number;
}

/** Faults in a row after which a source is not asked any more. */
const FAULTS_TO_GO_DOWN = 5;
/** Signatures of one key that are waited for at once. */
const AT_ONCE = 8;
/**
 * A quarter of a second is half of what is left of Envoy's patience for an answer, half a second longer than
 * `limits.checkTimeoutMilliseconds` on either front (`messageTimeout`), when the source takes as long as it may.
 */
export const QUEUE = { messages: 64, bytes: 32 * 1024 * 1024, milliseconds: 250 } as const;
const LONGEST_REST_MILLISECONDS = 15_000;
/** Reasons that are not told again while it is down. Where there are more, still no more than one is told for each test. */
const REASONS_KEPT = 8;
/** Calls that a source has not come to an end with, long after their deadline; more are not made. */
const MOST_ABANDONED = 12;

export class GuardedKey {
  readonly key: PinnedKey;
  readonly #options: GuardOptions;
  readonly #queue = new AnswerQueue(QUEUE);
  #state: KeyState = 'untested';
  #reason: string | undefined;
  /** Those that were told since it went down, the latest last. */
  #reasonsTold: string[] = [];
  #faults = 0;
  #underWay = 0;
  #abandoned = 0;
  #testing = false;
  #rest: NodeJS.Timeout | undefined;
  #restMilliseconds: number;
  #closed = false;

  /** Tests it at once. */
  constructor(key: PinnedKey, options: GuardOptions) {
    this.key = key;
    this.#options = options;
    this.#restMilliseconds = options.firstRestMilliseconds;
    this.test();
  }

  get state(): KeyState {
    return this.#state;
  }

  /** Whether it signs, and did so when it was asked last. */
  get isWell(): boolean {
    return this.#state === 'up' && this.#faults === 0;
  }

  /** Why it is down, or why its last test failed. */
  get reason(): string | undefined {
    return this.#reason;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** 64 bytes that verify with the pinned key, or why there are none. Never rejects. */
  sign(message: Uint8Array, tenant: string): Promise<KeySourceAnswer> {
    const refusal = this.#refusal(message);
    if (refusal !== undefined) return Promise.resolve(this.#told(refusal));
    if (this.#state === 'up' && this.#underWay < AT_ONCE) return this.#ask(message);
    return new Promise((settle) => {
      const refuse = (answer: KeySourceAnswer): void => settle(this.#told(answer));
      this.#queue.add({ message, tenant, settle, refuse });
    });
  }

  /** Tests the key now, whatever its state; one test at a time. */
  test(): void {
    if (this.#testing || this.#closed) return;
    clearTimeout(this.#rest);
    this.#testing = true;
    void this.#options.turn(() => this.#test());
  }

  /** No test follows any more, and nothing is signed. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#rest);
    this.#state = 'down';
    this.#reason = 'is not asked any more';
    this.#queue.refuse(fault('away', this.#reason));
  }

  #refusal(message: Uint8Array): KeySourceAnswer | undefined {
    const { maxMessageBytes } = this.#options.source;
    if (message.length > maxMessageBytes)
      return fault('too_large', `signs at most ${maxMessageBytes} bytes, and these are ${message.length}`);
    if (this.#state === 'down') return fault('away', this.#reason ?? 'is away');
    return undefined;
  }

  #told(answer: KeySourceAnswer): KeySourceAnswer {
    this.#options.observer.result(this.key, answer.ok ? 'signed' : answer.fault, undefined);
    return answer;
  }

  #ask(message: Uint8Array): Promise<KeySourceAnswer> {
    const { source, timeoutMilliseconds, monotonicMs, observer } = this.#options;
    const startedMs = monotonicMs();
    this.#underWay += 1;
    return new Promise((resolve) => {
      const end = (answer: KeySourceAnswer, result: SignatureResult): void => {
        this.#underWay -= 1;
        observer.result(this.key, result, (monotonicMs() - startedMs) / 1_000);
        resolve(answer);
        this.#goOn();
      };
      let isLate = false;
      const cancel = deadline(timeoutMilliseconds, () => {
        isLate = true;
        this.#abandoned += 1;
        this.#count('away', late(timeoutMilliseconds));
        end(fault('away', late(timeoutMilliseconds)), 'away');
      });
      void settled(() => source.sign(this.key.reference, message)).then((answer) => {
        if (isLate) {
          this.#abandoned -= 1;
          return;
        }
        cancel();
        end(...this.#judge(answer, message));
      });
    });
  }

  /** What a source gives is a signature when it verifies, and nothing else is. */
  #judge(answer: KeySourceAnswer, message: Uint8Array): [KeySourceAnswer, SignatureResult] {
    if (!answer.ok) {
      this.#count(answer.fault, answer.reason);
      return [answer, answer.fault];
    }
    const { publicKey } = this.key;
    // Of our own, so that what is verified is what leaves.
    const bytes = Uint8Array.from(answer.bytes);
    if (holds(this.#options.verifier, publicKey, message, bytes)) {
      this.#faults = 0;
      return [{ ok: true, bytes }, 'signed'];
    }
    this.#goDown(WRONG_SIGNATURE);
    return [fault('refused', WRONG_SIGNATURE), 'wrong_signature'];
  }

  /** A source that has too much to do, or gets too much at once, is there. */
  #count(kind: KeySourceFault, reason: string): void {
    if (kind === 'overloaded' || kind === 'too_large') return;
    this.#faults += 1;
    if (this.#faults >= FAULTS_TO_GO_DOWN) this.#goDown(reason);
  }

  #goOn(): void {
    while (this.#state === 'up' && this.#underWay < AT_ONCE) {
      const next = this.#queue.next();
      if (next === undefined) return;
      void this.#ask(next.message).then(next.settle);
    }
  }

  async #test(): Promise<void> {
    const reason = this.#closed ? undefined : await this.#fault();
    this.#testing = false;
    if (this.#closed) return;
    if (reason === undefined) {
      this.#goUp();
      return;
    }
    this.#goDown(reason);
    this.#reason = reason;
    this.#tell(reason);
    this.#testLater();
  }

  async #fault(): Promise<string | undefined> {
    if (this.#abandoned >= MOST_ABANDONED) return 'has not come to an end with what it was asked';
    const { source, verifier, timeoutMilliseconds } = this.#options;
    // Two questions, each of which may take as long as a signature.
    const milliseconds = 2 * timeoutMilliseconds;
    return new Promise((resolve) => {
      let isLate = false;
      const cancel = deadline(milliseconds, () => {
        isLate = true;
        this.#abandoned += 1;
        resolve(late(milliseconds));
      });
      void faultOfKey(source, this.key, verifier).then((reason) => {
        if (isLate) this.#abandoned -= 1;
        cancel();
        resolve(reason);
      });
    });
  }

  #goUp(): void {
    this.#faults = 0;
    this.#reason = undefined;
    this.#reasonsTold = [];
    this.#restMilliseconds = this.#options.firstRestMilliseconds;
    if (this.#state !== 'up') {
      this.#state = 'up';
      this.#options.observer.up(this.key);
    }
    this.#goOn();
  }

  #goDown(reason: string): void {
    if (this.#state === 'down') return;
    this.#state = 'down';
    this.#reason = reason;
    this.#tell(reason);
    this.#queue.refuse(fault('away', reason));
    if (!this.#testing) this.#testLater();
  }

  #tell(reason: string): void {
    if (this.#reasonsTold.includes(reason)) return;
    this.#reasonsTold = [...this.#reasonsTold, reason].slice(-REASONS_KEPT);
    this.#options.observer.down(this.key, reason);
  }

  #testLater(): void {
    clearTimeout(this.#rest);
    // Those of many keys are spread, as all of them went down with their source.
    const milliseconds = this.#restMilliseconds * (0.8 + 0.4 * Math.random());
    this.#restMilliseconds = Math.min(2 * this.#restMilliseconds, LONGEST_REST_MILLISECONDS);
    this.#rest = setTimeout(() => this.test(), milliseconds).unref();
  }
}

function late(milliseconds: number): string {
  return `has not answered within ${milliseconds} ms`;
}

function fault(kind: KeySourceFault, reason: string): KeySourceAnswer {
  return { ok: false, fault: kind, reason };
}
