/**
 * Bounds on a YAML text, checked on its tokens before anything is built from them: the parser makes objects of
 * some hundred bytes for every token and recurses into every level, so a small file could take all memory.
 */
import { Lexer } from 'yaml';

/** What is too much, in words for whoever wrote the file. */
export interface Excess {
  readonly message: string;
  readonly remedy: string;
}

/** The format itself needs fewer than ten levels. */
const maxDepth = 64;
/** Enough for some ten thousand identities. */
const maxTokens = 2_000_000;
/** Aliases are a convenience of people, who do not write thousands. */
const maxAliases = 1000;

/** Also said where the parser finds it. */
export const tooDeep: Excess = { message: 'is nested too deeply', remedy: 'write a flatter file' };
/** Also said where the parser finds it. */
export const tooManyAliases: Excess = {
  message: 'repeats itself by aliases without end',
  remedy: 'write the values out',
};
const tooManyTokens: Excess = {
  message: 'has too many entries',
  remedy: 'split it over several verifiers',
};

/** Thrown by {@link boundedTokens} at the first token over a bound. */
export class ExcessError extends Error {
  readonly excess: Excess;

  constructor(excess: Excess) {
    super(excess.message);
    this.excess = excess;
  }
}

/**
 * The tokens of the text, one by one as they are asked for, so that a parser that takes them stops where they exceed
 * a bound: then an {@link ExcessError} is thrown. The time is linear, and memory constant.
 */
export function* boundedTokens(text: string): Generator<string, void> {
  let [tokens, aliases, flowDepth, indicatorsInRow] = [0, 0, 0, 0];
  for (const token of new Lexer().lex(text)) {
    tokens += 1;
    if (token === '[' || token === '{') flowDepth += 1;
    else if (token === ']' || token === '}') flowDepth -= 1;
    else if (token.startsWith('*')) aliases += 1;
    // `- - - -` opens a level with every hyphen, without a bracket.
    if (token === '-' || token === '?' || token === ':') indicatorsInRow += 1;
    else if (token.trim() !== '') indicatorsInRow = 0;
    if (flowDepth > maxDepth || indicatorsInRow > maxDepth) throw new ExcessError(tooDeep);
    if (aliases > maxAliases) throw new ExcessError(tooManyAliases);
    if (tokens > maxTokens) throw new ExcessError(tooManyTokens);
    yield token;
  }
}
