/** The common driver: batch after batch, until the time or the number is up, or a promise was broken. */
import { Chance } from '../property/json-documents.js';
import type { Coverage } from './coverage.js';
import type { Target } from './target.js';

/** Of inputs that led somewhere new, the last so many. */
const MAX_CORPUS = 200;

export interface RunOptions {
  readonly seed: number;
  readonly batch: number;
  /** Whether another batch is wanted. */
  readonly goesOn: (inputsSoFar: number) => boolean;
  /** Without it nothing is kept, and a run is a function of its seed alone. */
  readonly coverage?: Coverage;
}

/** A broken promise, made as small as halving can make it. */
export interface Violation {
  readonly input: Buffer;
  readonly what: string;
}

export interface RunResult {
  readonly inputs: number;
  readonly kept: number;
  readonly violation: Violation | undefined;
}

export async function run(target: Target, { seed, batch, goesOn, coverage }: RunOptions): Promise<RunResult> {
  const chance = new Chance(seed);
  const corpus: Buffer[] = [];
  let inputs = 0;
  let kept = 0;
  while (goesOn(inputs)) {
    const made = Array.from({ length: batch }, () => target.make(chance, corpus));
    const found = await target.check(made);
    inputs += made.length;
    const at = found.findIndex((what) => what !== undefined);
    if (at >= 0) return { inputs, kept, violation: await smallest(target, made[at] ?? Buffer.alloc(0)) };
    if (coverage === undefined || coverage.take() === 0) continue;
    kept += made.length;
    corpus.push(...made);
    corpus.splice(0, corpus.length - MAX_CORPUS);
  }
  return { inputs, kept, violation: undefined };
}

/** Cuts pieces out for as long as what is left still breaks a promise. */
async function smallest(target: Target, input: Buffer): Promise<Violation> {
  let best: Violation = { input, what: (await whatIsWrong(target, input)) ?? 'only once' };
  for (let size = input.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at < best.input.length;) {
      const shorter = Buffer.concat([best.input.subarray(0, at), best.input.subarray(at + size)]);
      const what = await whatIsWrong(target, shorter);
      if (what === undefined) at += size;
      else best = { input: shorter, what };
    }
  }
  return best;
}

async function whatIsWrong(target: Target, input: Buffer): Promise<string | undefined> {
  return (await target.check([input]))[0];
}
