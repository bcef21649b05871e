/**
 * The token that requests to a Vault carry, whichever way it is had: what both ways (`file-token.ts`,
 * `kubernetes-token.ts`) give, and what they share. It is tended in the background, so that no signature waits for it.
 */
import { isToken, type VaultFailure, type VaultLease } from './answers.js';

/** What a session needs from around it. */
export interface VaultSurroundings {
  /** The text of a file that is closed to others. Throws a sentence whose subject is the file, and which shows nothing of it. */
  readonly readSecret: (path: string) => string;
  /** The same of a file that others may read, as those are that Kubernetes projects. */
  readonly readText: (path: string) => string;
  /** For the log of the process; no member holds a secret. */
  readonly report: (message: string, members: Readonly<Record<string, unknown>>) => void;
}

/** A token, or why there is none. */
export type TokenAnswer = { readonly ok: true; readonly token: string } | VaultFailure;

/** Nothing of it rejects. */
export interface VaultSession {
  token(): Promise<TokenAnswer>;
  /** After a 403 to a request with `used`: another token, or undefined where there is none that is worth a try. */
  another(used: string): Promise<TokenAnswer | undefined>;
  /** How many tokens there were, after a look whether there is another one that costs no request. */
  count(): number;
  close(): void;
}

/** Between two tries for a token, whatever comes of them. */
export const MIN_WAIT_MILLISECONDS = 1_000;
const MAX_WAIT_MILLISECONDS = 60_000;
/** `setTimeout` takes 31 bits; whatever lives longer is looked at each day. */
const MAX_TIMER_MILLISECONDS = 86_400_000;
const PART_OF_A_LEASE = 2 / 3;

/** One thing to do later, which keeps no process alive. */
export class Later {
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Takes the place of what was to be done before. */
  in(milliseconds: number, what: () => void): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(what, Math.min(milliseconds, MAX_TIMER_MILLISECONDS));
    this.#timer.unref();
  }

  never(): void {
    clearTimeout(this.#timer);
  }

  close(): void {
    this.#closed = true;
    this.never();
  }
}

/** When a lease is to be tended, in milliseconds from its begin; Infinity for one that never ends. */
export function dueIn({ seconds }: VaultLease): number {
  if (seconds === 0) return Infinity;
  return Math.max(MIN_WAIT_MILLISECONDS, seconds * 1_000 * PART_OF_A_LEASE);
}

/** When to try again after the `failures`-th failure in a row. */
export function retryIn(failures: number): number {
  return Math.min(MAX_WAIT_MILLISECONDS, MIN_WAIT_MILLISECONDS * 2 ** Math.min(failures - 1, 10));
}

/** A token or JWT in a file, by itself on a line; or why nobody is asked. */
export function tokenInFile(path: string, read: (path: string) => string): TokenAnswer {
  try {
    const token = read(path).trim();
    return isToken(token) ? { ok: true, token } : notAsked(path, 'holds no token');
  } catch (error) {
    return notAsked(path, error instanceof Error ? error.message : String(error));
  }
}

function notAsked(path: string, fault: string): VaultFailure {
  return { ok: false, fault: 'away', reason: `cannot be asked: the file ${path} ${fault}` };
}
