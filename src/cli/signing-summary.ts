/** What `check-config` says about signed answers: which policies, and with which keys. Public facts only. */
import type { FeedbackKey } from '../feedback/feedback-key.js';
import { activeKeyOf, type SigningDomain } from '../feedback/feedback-settings.js';
import type { Snapshot } from '../verify/snapshot.js';

/** One key, as `--json` shows it. */
interface KeySummary {
  readonly kid: string;
  readonly public_key_sha256: string;
  /** `active` signs now; `ready` could; `coming` and `ended` are outside their validity. */
  readonly state: 'active' | 'ready' | 'coming' | 'ended';
  /** RFC 3339; null where open. */
  readonly not_before: string | null;
  readonly not_after: string | null;
}

/** The keys that sign for one tenant, or, where it is null, for every tenant without keys of its own. */
interface DomainSummary {
  readonly tenant: string | null;
  /** Null: no key is valid now, so every answer is withheld. */
  readonly active_kid: string | null;
  readonly keys: readonly KeySummary[];
}

/** What is signed, and with what. Both lists are empty when nothing is. */
export interface SigningSummary {
  readonly policies: readonly string[];
  readonly domains: readonly DomainSummary[];
}

/** The summary of a snapshot at a moment (Unix milliseconds). */
export function signingSummary({ policies, feedback }: Snapshot, nowMs: number): SigningSummary {
  const signing = [...policies.values()].filter(
    (policy) => policy.kind === 'signed' && policy.answer === 'signed_feedback',
  );
  const domains =
    feedback === undefined
      ? []
      : [[null, feedback.defaultDomain] as const, ...feedback.tenantDomains.entries()];
  return {
    policies: signing.map(({ name }) => name),
    domains: domains.map(([tenant, domain]) => domainSummary(tenant, domain, nowMs)),
  };
}

function domainSummary(tenant: string | null, domain: SigningDomain, nowMs: number): DomainSummary {
  const active = activeKeyOf(domain, nowMs);
  const keys = domain.keys.map((key) => keySummary(key, active, nowMs));
  return { tenant, active_kid: active?.kid ?? null, keys };
}

function keySummary(key: FeedbackKey, active: FeedbackKey | undefined, nowMs: number): KeySummary {
  return {
    kid: key.kid,
    public_key_sha256: key.publicKey.fingerprint,
    state: key === active ? 'active' : stateOf(key, nowMs),
    not_before: momentOf(key.notBeforeMs),
    not_after: momentOf(key.notAfterMs),
  };
}

function stateOf({ notBeforeMs, notAfterMs }: FeedbackKey, nowMs: number): KeySummary['state'] {
  if (nowMs < notBeforeMs) return 'coming';
  return nowMs < notAfterMs ? 'ready' : 'ended';
}

function momentOf(milliseconds: number): string | null {
  return Number.isFinite(milliseconds) ? new Date(milliseconds).toISOString().replace('.000Z', 'Z') : null;
}

/** The same as lines of text, without their ends. */
export function signingLines({ policies, domains }: SigningSummary): string[] {
  if (policies.length === 0) return [];
  return [`signed answers: ${policies.join(', ')}`, ...domains.map(domainLine)];
}

function domainLine({ tenant, keys }: DomainSummary): string {
  const words = keys.map(keyWords).join('; ');
  return `signing keys: ${tenant === null ? 'by default' : `for tenant ${tenant}`}: ${words}`;
}

function keyWords({ kid, state, not_before: from, not_after: until }: KeySummary): string {
  const span = [from === null ? '' : ` from ${from}`, until === null ? '' : ` until ${until}`].join('');
  return `${kid} (${state === 'active' ? 'signs now' : state}${span})`;
}
