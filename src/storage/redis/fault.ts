/** What an error of the Redis client says about a command: refused by the server for certain, or unknown. */

/**
 * `full` and `refused`: the server answered, and the command has changed nothing. `unknown`: it may have been
 * carried out, for the connection broke, or a script ended in the middle.
 */
export type RedisFaultKind = 'full' | 'refused' | 'unknown';

export interface RedisFault {
  readonly kind: RedisFaultKind;
  /** For operators; holds neither addresses with passwords nor what was sent. */
  readonly message: string;
}

/** Error codes with which Redis refuses a command, or a script at its first write, before anything has happened. */
const REFUSALS = new Set([
  'BUSY',
  'CLUSTERDOWN',
  'CROSSSLOT',
  'LOADING',
  'MASTERDOWN',
  'MISCONF',
  'NOAUTH',
  'NOPERM',
  'NOREPLICAS',
  'NOSCRIPT',
  'READONLY',
  'TRYAGAIN',
  'WRONGPASS',
]);

const MAX_MESSAGE = 200;

/** Judges a rejection of the client. */
export function redisFault(error: unknown): RedisFault {
  const { name, message } = described(error);
  const shown = message.slice(0, MAX_MESSAGE).replace(/[^\x20-\x7e]/g, '?');
  if (name !== 'ReplyError') return { kind: 'unknown', message: shown };
  const code = /^(?:-?ERR )?-?([A-Z]+)\b/.exec(message)?.[1] ?? '';
  if (code === 'OOM') return { kind: 'full', message: shown };
  return { kind: REFUSALS.has(code) ? 'refused' : 'unknown', message: shown };
}

/** By shape and not by class: an error of another realm (a test runner) is no instance of our `Error`. */
function described(error: unknown): { readonly name: string; readonly message: string } {
  if (typeof error !== 'object' || error === null) return { name: '', message: String(error) };
  const name = 'name' in error ? String(error.name) : '';
  return { name, message: 'message' in error ? String(error.message) : '' };
}
