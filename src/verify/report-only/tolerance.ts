/**
 * What report-only may let pass, and what it never does: one table over all refusal codes, and the list of what was found
 * wrong with one request, held against the entries of the configuration.
 */
import type { RefusalCode } from '../refusal.js';
import type { ReportOnlyEntry } from '../snapshot.js';

/**
 * What is given up with a code:
 * - `caller`: who it is. Certificate, pin, key, signature: a stranger under the listener's CA may pass.
 * - `tenant`: for whom the caller may speak.
 * - `once`: that a request passes one time, while it is fresh.
 * - `form`: what the request looks like, and how many there may be.
 * - `never`: nothing could be judged or recorded, a person has said no (a revoked identity), or the request would reach
 *   the application as something else than what was judged.
 */
type GivenUp = 'caller' | 'tenant' | 'once' | 'form' | 'never';

const GIVEN_UP: Readonly<Record<RefusalCode, GivenUp>> = {
  check_malformed: 'never',
  upgrade_refused: 'never',
  authority_ambiguous: 'never',
  no_policy: 'never',
  path_not_normal: 'never',
  method_not_allowed: 'never',
  query_not_allowed: 'never',
  certificate_missing: 'caller',
  certificate_malformed: 'caller',
  certificate_sources_disagree: 'caller',
  header_missing: 'caller',
  header_duplicate: 'caller',
  header_malformed: 'caller',
  certificate_claim_mismatch: 'form',
  identity_unknown: 'caller',
  identity_revoked: 'never',
  pin_mismatch: 'caller',
  pin_not_valid: 'caller',
  certificate_details_missing: 'caller',
  certificate_name_mismatch: 'caller',
  certificate_name_not_valid: 'caller',
  certificate_untrusted: 'caller',
  timestamp_outside_window: 'once',
  body_not_whole: 'never',
  body_too_large: 'form',
  key_unknown: 'caller',
  key_not_valid: 'caller',
  signature_invalid: 'caller',
  content_encoding: 'form',
  content_type: 'form',
  body_not_json: 'form',
  body_contract: 'form',
  schema_version: 'form',
  attestation_malformed: 'form',
  body_repeats_other_nonce: 'form',
  body_repeats_other_timestamp: 'form',
  body_binding_mismatch: 'form',
  operator_unmapped: 'tenant',
  operator_not_of_identity: 'tenant',
  tenant_mismatch: 'tenant',
  attestation_not_allowed: 'form',
  rate_limited: 'form',
  rate_limit_unavailable: 'never',
  replayed_nonce: 'once',
  nonce_below_floor: 'never',
  nonce_store_full: 'never',
  nonce_quota_exceeded: 'never',
  clock_diverged: 'never',
  nonce_store_unavailable: 'never',
  execution_store_unavailable: 'never',
  deadline_spent: 'never',
  audit_unavailable: 'never',
  overloaded: 'never',
  internal_error: 'never',
};

/** What is given up where this code is let pass. */
export function givenUpWith(code: RefusalCode): GivenUp {
  return GIVEN_UP[code];
}

/** The codes that an entry may name. */
export const TOLERABLE_CODES: readonly RefusalCode[] = (Object.keys(GIVEN_UP) as RefusalCode[]).filter(
  (code) => GIVEN_UP[code] !== 'never',
);

/** Whose request it is said to be, and when it is judged. */
interface Scope {
  readonly policy: string;
  /** What the identity header says, proven or not; undefined where it says nothing that could be a name. */
  readonly identity: string | undefined;
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: number;
}

/** Whether an entry is in force at a moment: to the second before `untilMs`, and not in it. */
export function isInForce({ untilMs }: Pick<ReportOnlyEntry, 'untilMs'>, nowMs: number): boolean {
  return nowMs < untilMs;
}

/**
 * What is wrong with one request, as far as a single entry lets all of it pass. Two entries together let nothing pass
 * that neither lets pass alone, so that each can be judged by itself, reason and end included.
 */
export class Tolerance {
  #entries: readonly ReportOnlyEntry[];
  readonly #codes: RefusalCode[] = [];
  #stoppedBy: RefusalCode | undefined;

  constructor(entries: readonly ReportOnlyEntry[], { policy, identity, nowMs }: Scope) {
    this.#entries = entries.filter(
      (entry) =>
        isInForce(entry, nowMs) &&
        (entry.policies?.has(policy) ?? true) &&
        (entry.identities === undefined || (identity !== undefined && entry.identities.has(identity))),
    );
  }

  /** Notes what else is wrong. False, from then on for ever, when no entry lets all of it pass. */
  takes(code: RefusalCode): boolean {
    if (this.#stoppedBy !== undefined) return false;
    if (this.#codes.includes(code)) return true;
    const left = this.#entries.filter(({ checks }) => checks.has(code));
    if (left.length === 0) {
      this.#stoppedBy = code;
      return false;
    }
    this.#entries = left;
    this.#codes.push(code);
    return true;
  }

  /** What is let pass, in the order in which it was found. */
  get codes(): readonly RefusalCode[] {
    return this.#codes;
  }

  /** The first that was not let pass. */
  get stoppedBy(): RefusalCode | undefined {
    return this.#stoppedBy;
  }
}
