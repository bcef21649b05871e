/**
 * A token by a login as a workload of Kubernetes. At two thirds of its lease there is another login, and no renewal:
 * so Vault asks Kubernetes again whether the workload is still there, and tokens that cannot be renewed do as well.
 */
import type { VaultSettings } from '../settings.js';
import { tokenIn, type VaultFailure, type VaultToken } from './answers.js';
import type { VaultClient } from './client.js';
import {
  dueIn,
  Later,
  MIN_WAIT_MILLISECONDS,
  retryIn,
  tokenInFile,
  type TokenAnswer,
  type VaultSession,
  type VaultSurroundings,
} from './session.js';

/** A token that was had so lately is not what a 403 is about. */
const LOGIN_AGAIN_MILLISECONDS = 10_000;

const NO_TOKEN: VaultFailure = {
  ok: false,
  fault: 'away',
  reason: 'answers a login with something else than a token',
};

/** Whose token, and how it is had. */
export interface KubernetesTokenOptions {
  /** The name of the source, for the log. */
  readonly source: string;
  readonly auth: Extract<VaultSettings['auth'], { kind: 'kubernetes' }>;
  readonly client: Pick<VaultClient, 'ask'>;
  readonly surroundings: VaultSurroundings;
}

/** Times are monotonic, in milliseconds. */
interface HeldToken {
  readonly token: string;
  readonly sinceMs: number;
  readonly untilMs: number;
}

export class KubernetesToken implements VaultSession {
  readonly #options: KubernetesTokenOptions;
  readonly #nextLogin = new Later();
  #held: HeldToken | undefined;
  #count = 0;
  #underWay: Promise<TokenAnswer> | undefined;
  #lastFailure: (VaultFailure & { readonly atMs: number }) | undefined;
  #failures = 0;

  constructor(options: KubernetesTokenOptions) {
    this.#options = options;
    void this.#login();
  }

  token(): Promise<TokenAnswer> {
    const held = this.#held;
    if (held !== undefined && performance.now() < held.untilMs)
      return Promise.resolve({ ok: true, token: held.token });
    return this.#loginOrLastFailure();
  }

  another(used: string): Promise<TokenAnswer | undefined> {
    const held = this.#held;
    if (held !== undefined && held.token !== used) return Promise.resolve({ ok: true, token: held.token });
    const isNew = held !== undefined && performance.now() - held.sinceMs < LOGIN_AGAIN_MILLISECONDS;
    return isNew ? Promise.resolve(undefined) : this.#loginOrLastFailure();
  }

  count(): number {
    return this.#count;
  }

  close(): void {
    this.#nextLogin.close();
  }

  /** Signatures that fail one after the other make no storm of logins. */
  #loginOrLastFailure(): Promise<TokenAnswer> {
    const last = this.#lastFailure;
    const isNew = last !== undefined && performance.now() - last.atMs < MIN_WAIT_MILLISECONDS;
    return isNew ? Promise.resolve(last) : this.#login();
  }

  /** One at a time, whoever waits for it. */
  #login(): Promise<TokenAnswer> {
    this.#underWay ??= this.#loginOnce().finally(() => (this.#underWay = undefined));
    return this.#underWay;
  }

  async #loginOnce(): Promise<TokenAnswer> {
    const sinceMs = performance.now();
    const answer = await this.#ask();
    if ('fault' in answer) return this.#failed(answer);
    this.#succeeded();
    const { token, lease } = answer;
    const untilMs = lease.seconds === 0 ? Infinity : sinceMs + lease.seconds * 1_000;
    this.#held = { token, sinceMs, untilMs };
    this.#count += 1;
    const due = dueIn(lease);
    if (due === Infinity) this.#nextLogin.never();
    else this.#nextLogin.in(due, () => void this.#login());
    return { ok: true, token };
  }

  async #ask(): Promise<VaultToken | VaultFailure> {
    const { auth, client, surroundings } = this.#options;
    const jwt = tokenInFile(auth.jwtPath, surroundings.readText);
    if (!jwt.ok) return jwt;
    const answer = await client.ask({
      method: 'POST',
      path: `auth/${auth.mount}/login`,
      body: JSON.stringify({ role: auth.role, jwt: jwt.token }),
    });
    if (!answer.ok) return answer;
    return tokenIn(answer.value) ?? NO_TOKEN;
  }

  #failed(failure: VaultFailure): TokenAnswer {
    this.#failures += 1;
    this.#lastFailure = { ...failure, atMs: performance.now() };
    this.#nextLogin.in(retryIn(this.#failures), () => void this.#login());
    if (this.#failures === 1)
      this.#options.surroundings.report('a key source lets us not log in', {
        source: this.#options.source,
        fault: failure.reason,
      });
    return failure;
  }

  #succeeded(): void {
    if (this.#failures > 0)
      this.#options.surroundings.report('a key source lets us log in again', {
        source: this.#options.source,
      });
    this.#failures = 0;
    this.#lastFailure = undefined;
  }
}
