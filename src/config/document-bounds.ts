/**
 * Bounds on a YAML text, checked on its tokens before anything is built from them: the parser makes objects of
 * some hundred bytes for every token and recurses into every level, so a small file could take all memory.
 */
import { Lexer } from 'yaml';

/** The format itself needs fewer than ten levels. */
const maxDepth = 64;
/** Enough for some ten thousand identities. */
const maxTokens = 2_000_000;
/** Aliases are a convenience of people, who do not write thousands. */
const maxAliases = 1000;

/** Why the text is too much, or undefined. Memory stays constant, and the time is linear. */
export function findExcess(text: string): { readonly message: string; readonly remedy: string } | undefined {
  let [tokens, aliases, flowDepth, indicatorsInRow] = [0, 0, 0, 0];
  for (const token of new Lexer().lex(text)) {
    tokens += 1;
    if (token === '[' || token === '{') flowDepth += 1;
    else if (token === ']' || token === '}') flowDepth -= 1;
    else if (token.startsWith('*')) aliases += 1;
    // `- - - -` opens a level with every hyphen, without a bracket.
    if (token === '-' || token === '?' || token === ':') indicatorsInRow += 1;
    else if (token.trim() !== '') indicatorsInRow = 0;
    if (flowDepth > maxDepth || indicatorsInRow > maxDepth)
      return { message: 'is nested too deeply', remedy: 'write a flatter file' };
    if (aliases > maxAliases)
      return { message: 'repeats itself by aliases without end', remedy: 'write the values out' };
    if (tokens > maxTokens)
      return { message: 'has too many entries', remedy: 'split it over several verifiers' };
  }
  return undefined;
}
