/** What is fuzzed: how inputs are made, and what must hold for every one of them, ours or not. */
import type { Chance } from '../property/json-documents.js';

/** One kind of input. All of it is a function of the chance that is passed in, so that a seed repeats a run. */
export interface Target {
  readonly name: string;
  /** A fresh input, built from the grammar and spoiled a little; `corpus` holds inputs that led somewhere new. */
  make(chance: Chance, corpus: readonly Buffer[]): Buffer;
  /** What is wrong with each input; undefined where every promise was kept. In the order of the inputs. */
  check(inputs: readonly Buffer[]): Promise<(string | undefined)[]>;
  close?(): void;
}

/** For targets that look at one input at a time; whatever is thrown is a finding. */
export async function checkEach(
  inputs: readonly Buffer[],
  check: (input: Buffer) => Promise<string | undefined> | string | undefined,
): Promise<(string | undefined)[]> {
  const found: (string | undefined)[] = [];
  for (const input of inputs) {
    try {
      found.push(await check(input));
    } catch (error) {
      found.push(`threw ${String(error)}`);
    }
  }
  return found;
}
