/** Whether the pairs of one answer were submitted, also where that is only known later. */
import { refuseAnswer, type AnswerRefusal } from './refusal-code.js';

/** Asks whether a pair was submitted, both in lower-case hex; may throw or reject when that cannot be known. */
export type AskSubmitted = (execution: string, attestation: string) => boolean | Promise<boolean>;

/**
 * Between the judgement of an answer, which asks for each adjustment in turn and waits for nobody, and its signature.
 * What is asked later counts as submitted until `refusal` has said otherwise: nothing may be signed before that.
 */
export class LateSubmissions {
  readonly #ask: AskSubmitted;
  readonly #late: Promise<readonly [position: number, submitted: boolean]>[] = [];
  #asked = 0;

  constructor(ask: AskSubmitted) {
    this.#ask = ask;
  }

  /** For `JudgingTools`: asked once for each adjustment, in their order. */
  readonly wasSubmitted = (execution: string, attestation: string): boolean => {
    const position = this.#asked++;
    const submitted = this.#ask(execution, attestation);
    if (typeof submitted === 'boolean') return submitted;
    const late = submitted.then((one) => [position, one] as const);
    // Looked at in `refusal`, which nobody calls where something else was wrong with the answer.
    late.catch(() => undefined);
    this.#late.push(late);
    return true;
  };

  /** Whether an answer is outstanding. */
  isWaiting(): boolean {
    return this.#late.length > 0;
  }

  /** Resolves with why nothing may be signed, undefined when everything was submitted. Never rejects. */
  async refusal(): Promise<AnswerRefusal | undefined> {
    try {
      const unknown = (await Promise.all(this.#late)).find(([, submitted]) => !submitted);
      return unknown && notSubmitted(unknown[0]);
    } catch {
      return refuseAnswer(
        'executions_unavailable',
        'the store of the executions does not say what was submitted',
      );
    }
  }
}

/** The refusal of the adjustment at a position that counts from 0. */
function notSubmitted(position: number): AnswerRefusal {
  return refuseAnswer(
    'adjustment_not_submitted',
    `adjustment ${position}: the tenant has submitted no such execution and attestation`,
  );
}
