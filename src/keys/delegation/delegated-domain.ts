/**
 * The keys in memory of one signing domain that delegates: made here, vouched for by its root key in a keyring document,
 * renewed after half of their time, and gone with the process.
 */
import { randomBytes } from 'node:crypto';
import { encodeBase64Url } from '../../crypto/bytes.js';
import type { StrictVerifier } from '../../crypto/ed25519.js';
import { sha256 } from '../../crypto/engines.js';
import { thumbprintText } from '../../crypto/jwk.js';
import { generateKeyPair, zeroize, type PrivateKey } from '../../crypto/private-key.js';
import { delegationDocument, delegationInput } from '../../feedback/delegation.js';
import { LocalFeedbackKey, type FeedbackKey } from '../../feedback/feedback-key.js';
import { activeKeyOf, type Delegation } from '../../feedback/feedback-settings.js';
import type { ValidityInterval } from '../../protocol/validity-interval.js';
import type { KeySourceAnswer } from '../key-source.js';

/** What became of a try to have a key vouched for. `reason`: a sentence whose subject is the root key. */
export type DelegationOutcome =
  | { readonly ok: true; readonly rootKid: string; readonly key: LocalFeedbackKey }
  | {
      readonly ok: false;
      readonly rootKid: string | undefined;
      readonly reason: string;
      /** Tries since the last one that succeeded. */
      readonly tries: number;
    };

/** The same before it is counted. */
type Vouched =
  Extract<DelegationOutcome, { ok: true }> | Omit<Extract<DelegationOutcome, { ok: false }>, 'tries'>;

/** Everything that it works with; all of it is passed in. */
export interface DelegationTools {
  /** Signs with a root key, wherever that is. Never rejects. */
  readonly sign: (root: FeedbackKey, message: Uint8Array, tenant: string) => Promise<KeySourceAnswer>;
  readonly verifier: StrictVerifier;
  /** Whether a new key signs as an independent implementation does (docs/security-requirements.md#6). */
  readonly agrees: (key: LocalFeedbackKey) => boolean;
  /** Resolves in a turn of the event loop in which no other key is made or tested: each takes some milliseconds. */
  readonly ownTurn: () => Promise<void>;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  readonly onOutcome: (tenant: string | undefined, outcome: DelegationOutcome) => void;
}

const SEED_BYTES = 32;
/** A key is renewed when half of its time is over, and the new one signs in the last quarter: until then it is announced. */
const RENEWED_AFTER = 1 / 2;
const ANNOUNCED_FOR = 1 / 4;
const FIRST_REST_MILLISECONDS = 250;
const LONGEST_REST_MILLISECONDS = 30_000;
/** Clocks step and machines sleep: no timer is trusted for longer. */
const LONGEST_WAIT_MILLISECONDS = 60_000;

export class DelegatedDomain {
  readonly #tenant: string | undefined;
  readonly #tools: DelegationTools;
  #delegation: Delegation;
  #keys: readonly LocalFeedbackKey[] = [];
  readonly #rootOf = new WeakMap<LocalFeedbackKey, FeedbackKey>();
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isClosed = false;

  constructor(tenant: string | undefined, delegation: Delegation, tools: DelegationTools) {
    this.#tenant = tenant;
    this.#delegation = delegation;
    this.#tools = tools;
    // Whoever puts a configuration in force is done with it then, and its root keys are known to their sources.
    void Promise.resolve().then(() => this.#renew());
  }

  /** Those whose time is not over, the one that was vouched for last at the end. */
  get keys(): readonly LocalFeedbackKey[] {
    return this.#keys;
  }

  get lifetimeMs(): number {
    return this.#delegation.lifetimeMs;
  }

  /** The last try came to nothing. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /** Of a configuration that was loaded anew. Keys go on signing as long as the root that vouches for them is among its roots, and ends no earlier. */
  follow(delegation: Delegation): void {
    this.#delegation = delegation;
    this.#keys = this.#keys.filter((key) =>
      delegation.roots.keys.some((root) => this.#isRootOf(root, key) && key.notAfterMs <= root.notAfterMs),
    );
    // Whether a key is due may have changed; one that is being vouched for looks again by itself.
    if (this.#timer !== undefined) this.#lookAgainIn(0);
  }

  #isRootOf(root: FeedbackKey, key: LocalFeedbackKey): boolean {
    const { kid, publicKey } = this.#rootOf.get(key) ?? {};
    return root.kid === kid && root.publicKey.fingerprint === publicKey?.fingerprint;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Asked anew after every wait. */
  #isOver(): boolean {
    return this.#isClosed;
  }

  /** Looks whether a key is due, and has one vouched for. */
  async #renew(): Promise<void> {
    this.#timer = undefined;
    await this.#tools.ownTurn();
    // Roots of a configuration that is gone are wiped; from here to the root's signature nothing else comes between.
    if (this.#isOver()) return;
    const nowMs = this.#tools.nowMs();
    const dueMs = this.#dueMs(nowMs);
    if (nowMs < dueMs) {
      this.#lookAgainIn(dueMs - nowMs);
      return;
    }
    const outcome = await this.#delegate(nowMs);
    if (this.#isClosed) return;
    if (outcome.ok) {
      this.#keys = [...this.#keys.filter(({ notAfterMs }) => nowMs < notAfterMs), outcome.key];
      // Its root may have been taken away meanwhile.
      this.follow(this.#delegation);
    }
    this.#failures = outcome.ok ? 0 : this.#failures + 1;
    this.#tools.onOutcome(this.#tenant, outcome.ok ? outcome : { ...outcome, tries: this.#failures });
    this.#lookAgainIn(outcome.ok ? this.#dueMs(nowMs) - nowMs : restMs(this.#failures));
  }

  #lookAgainIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    const waitMs = Math.min(Math.max(milliseconds, 1), LONGEST_WAIT_MILLISECONDS);
    this.#timer = setTimeout(() => void this.#renew(), waitMs).unref();
  }

  /** At once where there is no key yet. One that ends with its root waits for another root, or for the end. */
  #dueMs(nowMs: number): number {
    const last = this.#last(nowMs);
    if (last === undefined) return -Infinity;
    const { lifetimeMs, roots } = this.#delegation;
    if (last.notAfterMs === last.notBeforeMs + lifetimeMs)
      return last.notBeforeMs + RENEWED_AFTER * lifetimeMs;
    const root = activeKeyOf(roots, nowMs);
    return root !== undefined && root.notAfterMs >= last.notAfterMs + 1_000 ? nowMs : last.notAfterMs;
  }

  /** Of a clock that was set back since by more than a lifetime there is none. */
  #last(nowMs: number): LocalFeedbackKey | undefined {
    const last = this.#keys.at(-1);
    return last !== undefined && last.notBeforeMs - this.#delegation.lifetimeMs <= nowMs ? last : undefined;
  }

  async #delegate(nowMs: number): Promise<Vouched> {
    const root = activeKeyOf(this.#delegation.roots, nowMs);
    if (root === undefined) return { ok: false, rootKid: undefined, reason: 'may not sign now' };
    const validity = this.#validity(nowMs, root);
    if (validity.notAfterMs <= validity.notBeforeMs)
      return { ok: false, rootKid: root.kid, reason: 'is about to end' };
    const seed = randomBytes(SEED_BYTES);
    const pair = generateKeyPair(seed);
    seed.fill(0);
    const made = await this.#vouchFor(pair, root, { ...validity, nowMs });
    if (!made.ok || this.#isClosed) zeroize(pair);
    return made;
  }

  async #vouchFor(
    pair: PrivateKey,
    root: FeedbackKey,
    { nowMs, ...validity }: ValidityInterval & { readonly nowMs: number },
  ): Promise<Vouched> {
    const rootKid = root.kid;
    const kid = encodeBase64Url(sha256(Buffer.from(thumbprintText(pair.publicKey.raw))));
    const key = { kid, publicKey: pair.publicKey, ...validity };
    const tenant = this.#tenant;
    const input = delegationInput({ rootKid, tenant, issuedAtMs: nowMs, key });
    const signed = await this.#tools.sign(root, input, tenant ?? '');
    if (!signed.ok) return { ok: false, rootKid, reason: signed.reason };
    if (!this.#tools.verifier.verify(root.publicKey, input, signed.bytes))
      return { ok: false, rootKid, reason: 'gave a signature that does not verify' };
    const local = new LocalFeedbackKey(kid, pair, validity, delegationDocument(input, signed.bytes));
    this.#rootOf.set(local, root);
    await this.#tools.ownTurn();
    if (!this.#tools.agrees(local))
      return { ok: false, rootKid, reason: 'vouches for a key that fails the signing self-test' };
    return { ok: true, rootKid, key: local };
  }

  /** Whole seconds, as a JWK says them. The first key signs at once; none outlives its root: that one's retired then. */
  #validity(nowMs: number, root: FeedbackKey): ValidityInterval {
    const { lifetimeMs } = this.#delegation;
    const former = this.#last(nowMs);
    const beginsMs =
      former === undefined ? nowMs : Math.max(nowMs, former.notAfterMs - ANNOUNCED_FOR * lifetimeMs);
    const notBeforeMs = Math.floor(beginsMs / 1000) * 1000;
    const endMs = Math.min(notBeforeMs + lifetimeMs, root.notAfterMs);
    return { notBeforeMs, notAfterMs: Math.floor(endMs / 1000) * 1000 };
  }
}

function restMs(failures: number): number {
  return Math.min(FIRST_REST_MILLISECONDS * 2 ** Math.min(failures, 16), LONGEST_REST_MILLISECONDS);
}
