/**
 * A token in a file. Somebody else may change it (Vault's agent does): it is read anew while it is used, and after
 * every 403. Whoever put it there may have left its renewal to us: it is renewed as long as Vault does so.
 */
import { remainingLeaseIn, renewedLeaseIn, type VaultLease } from './answers.js';
import type { VaultClient } from './client.js';
import {
  dueIn,
  Later,
  retryIn,
  tokenInFile,
  type TokenAnswer,
  type VaultSession,
  type VaultSurroundings,
} from './session.js';

/** How often the file is read, at most, while signatures are asked for. */
const READ_AGAIN_MILLISECONDS = 1_000;

/** Whose token, where it is, and whom to ask about it. */
export interface FileTokenOptions {
  /** The name of the source, for the log. */
  readonly source: string;
  readonly path: string;
  readonly client: Pick<VaultClient, 'ask'>;
  readonly surroundings: VaultSurroundings;
}

export class FileToken implements VaultSession {
  readonly #options: FileTokenOptions;
  readonly #renewal = new Later();
  #held: string | undefined;
  #count = 0;
  #readAtMs = -Infinity;
  #isReadable = true;

  constructor(options: FileTokenOptions) {
    this.#options = options;
    this.#read();
  }

  token(): Promise<TokenAnswer> {
    const isFresh = performance.now() - this.#readAtMs < READ_AGAIN_MILLISECONDS;
    if (this.#held !== undefined && isFresh) return Promise.resolve({ ok: true, token: this.#held });
    return Promise.resolve(this.#read());
  }

  another(used: string): Promise<TokenAnswer | undefined> {
    const read = this.#read();
    return Promise.resolve(read.ok && read.token === used ? undefined : read);
  }

  count(): number {
    this.#read();
    return this.#count;
  }

  close(): void {
    this.#renewal.close();
  }

  /** What was read last stays in use while the file cannot be read: taking a file away revokes no token. */
  #read(): TokenAnswer {
    const { path, surroundings, source } = this.#options;
    this.#readAtMs = performance.now();
    const read = tokenInFile(path, surroundings.readSecret);
    if (read.ok) {
      this.#isReadable = true;
      this.#take(read.token);
      return read;
    }
    if (this.#held === undefined) return read;
    if (this.#isReadable)
      surroundings.report('the token of a key source cannot be read again: the one before stays in use', {
        source,
        fault: read.reason,
      });
    this.#isReadable = false;
    return { ok: true, token: this.#held };
  }

  #take(token: string): void {
    if (token === this.#held) return;
    this.#held = token;
    this.#count += 1;
    void this.#tend(token, 'lookup', 0);
  }

  async #tend(token: string, how: 'lookup' | 'renew', failures: number): Promise<void> {
    const answer =
      how === 'lookup'
        ? await this.#options.client.ask({ method: 'GET', path: 'auth/token/lookup-self', token })
        : await this.#options.client.ask({
            method: 'POST',
            path: 'auth/token/renew-self',
            token,
            body: '{}',
          });
    if (token !== this.#held) return;
    if (!answer.ok && answer.fault === 'away') {
      this.#renewal.in(retryIn(failures + 1), () => void this.#tend(token, how, failures + 1));
      return;
    }
    const lease = !answer.ok
      ? undefined
      : how === 'lookup'
        ? remainingLeaseIn(answer.value)
        : renewedLeaseIn(answer.value);
    this.#plan(token, lease, answer.ok ? 'answers with something else than a lease' : answer.reason);
  }

  #plan(token: string, lease: VaultLease | undefined, otherwise: string): void {
    if (lease?.renewable === true) {
      if (lease.seconds > 0) this.#renewal.in(dueIn(lease), () => void this.#tend(token, 'renew', 0));
      return;
    }
    if (lease?.seconds === 0) return;
    this.#options.surroundings.report(
      'the token of a key source is not renewed: replace its file before it ends',
      {
        source: this.#options.source,
        ...(lease === undefined ? { fault: otherwise } : { endsInSeconds: lease.seconds }),
      },
    );
  }
}
