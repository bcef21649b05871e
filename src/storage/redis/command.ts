/**
 * One command to Redis: a script and the name by which it is called, the values in its reply, and what its error says
 * about whether it was carried out.
 */
import { escapeControls } from '../../json/escape-text.js';
import { createHash } from 'node:crypto';

/** A script with the name by which Redis knows it once it is loaded. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

/** A script with its name, from its Lua text. */
export function redisScript(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/** A list in a reply; throws on anything else, as the next two do. */
export function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw unexpectedReply();
}

export function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw unexpectedReply();
}

/** A whole number, also one that Redis gives as text. */
export function whole(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (typeof value === 'string' && /^-?[0-9]{1,15}$/.test(value)) return Number(value);
  throw unexpectedReply();
}

/** A reply of another shape is a fault of the server, not of a request. */
export function unexpectedReply(): Error {
  return new Error(
    'Redis gave a reply that none of our scripts gives: is something else using the key prefix?',
  );
}

export interface RedisFault {
  /**
   * `full` and `refused`: the server answered, and the command has changed nothing. `unknown`: it may have been
   * carried out, for the connection broke, or a script ended in the middle.
   */
  readonly kind: 'full' | 'refused' | 'unknown';
  /** For operators; holds neither addresses with passwords nor what was sent. */
  readonly message: string;
}

/** Error codes with which Redis refuses a command, or a script at its first write, before anything has happened. */
const REFUSALS =
  /^(BUSY|CLUSTERDOWN|CROSSSLOT|LOADING|MASTERDOWN|MISCONF|NOAUTH|NOPERM|NOREPLICAS|NOSCRIPT|READONLY|TRYAGAIN|WRONGPASS)$/;

const MAX_MESSAGE = 200;

/** Judges a rejection of the client. */
export function redisFault(error: unknown): RedisFault {
  const { name, message } = described(error);
  const shown = escapeControls(message.slice(0, MAX_MESSAGE));
  if (name !== 'ReplyError') return { kind: 'unknown', message: shown };
  const code = /^(?:-?ERR )?-?([A-Z]+)\b/.exec(message)?.[1] ?? '';
  if (code === 'OOM') return { kind: 'full', message: shown };
  return { kind: REFUSALS.test(code) ? 'refused' : 'unknown', message: shown };
}

/** By shape and not by class: an error of another realm (a test runner) is no instance of our `Error`. */
function described(error: unknown): { readonly name: string; readonly message: string } {
  if (typeof error !== 'object' || error === null) return { name: '', message: String(error) };
  const name = 'name' in error ? String(error.name) : '';
  return { name, message: 'message' in error ? String(error.message) : '' };
}
