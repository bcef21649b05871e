/** What `check-config` says of signing: which policies sign, with which keys, where those are, and who makes them. */
import type { Configuration, LeftOutFile } from '../config/settings.js';
import type { FeedbackKey, KeyReference } from '../feedback/feedback-key.js';
import { type SigningDomain, activeKeyOf } from '../feedback/feedback-settings.js';
import { isoTime } from './text.js';

/** One key, as `--json` shows it. */
interface KeySummary {
  readonly kid: string;
  readonly public_key_sha256: string;
  /** `active` signs now, or vouches for the keys that do; `ready` could; `coming` and `ended` are outside their validity. */
  readonly state: 'active' | 'ready' | 'coming' | 'ended';
  /** Where the private half stays; null where the verifier itself has it. */
  readonly source: { readonly name: string; readonly key: string; readonly version: number | null } | null;
  /** RFC 3339; null where open. */
  readonly not_before: string | null;
  readonly not_after: string | null;
}

/** The keys that sign for one tenant, or, where it is null, for every tenant without keys of its own. */
interface DomainSummary {
  readonly tenant: string | null;
  /** Null: no key is valid now, so every answer is withheld; or keys were left out, so that it is not known. */
  readonly active_kid: string | null;
  /** The keys vouch for keys in memory, and sign no answer. */
  readonly delegates: boolean;
  /** Whether the verifier makes keys of it on schedule. */
  readonly is_rotated: boolean;
  readonly keys: readonly KeySummary[];
}

/** What is signed, and with what. The lists are empty when nothing is. */
export interface SigningSummary {
  readonly policies: readonly string[];
  readonly domains: readonly DomainSummary[];
}

/** The summary of a configuration at a moment (Unix milliseconds). Which key signs is not known while one is left out. */
export function signingSummary(
  { settings, snapshot: { policies, feedback } }: Configuration,
  nowMs: number,
  leftOut: readonly LeftOutFile[],
): SigningSummary {
  const isScheduled = settings.keyRotation !== undefined;
  const isWhole = !leftOut.some(({ path }) => path.startsWith('feedback.'));
  const signing = [...policies.values()].filter(
    (policy) => policy.kind === 'signed' && policy.answer === 'signed_feedback',
  );
  const domains =
    feedback === undefined
      ? []
      : [[null, feedback.defaultDomain] as const, ...feedback.tenantDomains.entries()];
  return {
    policies: signing.map(({ name }) => name),
    domains: domains.map(([tenant, domain]) => ({
      tenant,
      is_rotated: isScheduled && isRotated(domain),
      ...domainSummary(domain, isWhole, nowMs),
    })),
  };
}

/** As docs/keys.md#rotation-on-schedule has it: neither domains with a fixed key nor roots. */
function isRotated({ activeKid, delegation }: SigningDomain): boolean {
  return activeKid === undefined && delegation === undefined;
}

function domainSummary(
  domain: SigningDomain,
  isWhole: boolean,
  nowMs: number,
): Omit<DomainSummary, 'tenant' | 'is_rotated'> {
  const choice = domain.delegation?.roots ?? domain;
  const active = isWhole ? activeKeyOf(choice, nowMs) : undefined;
  const keys = choice.keys.map((key) => keySummary(key, active, nowMs));
  return {
    active_kid: active?.kid ?? null,
    delegates: domain.delegation !== undefined,
    keys,
  };
}

function keySummary(key: FeedbackKey, active: FeedbackKey | undefined, nowMs: number): KeySummary {
  return {
    kid: key.kid,
    public_key_sha256: key.publicKey.fingerprint,
    state: key === active ? 'active' : stateOf(key, nowMs),
    source: key.kind === 'remote' ? sourceOf(key.reference) : null,
    not_before: momentOf(key.notBeforeMs),
    not_after: momentOf(key.notAfterMs),
  };
}

function sourceOf({ source, key, version }: KeyReference): KeySummary['source'] {
  return { name: source, key, version: version ?? null };
}

function stateOf({ notBeforeMs, notAfterMs }: FeedbackKey, nowMs: number): KeySummary['state'] {
  if (nowMs < notBeforeMs) return 'coming';
  return nowMs < notAfterMs ? 'ready' : 'ended';
}

function momentOf(milliseconds: number): string | null {
  return Number.isFinite(milliseconds) ? isoTime(milliseconds) : null;
}

/** The same as lines of text, without their ends. */
export function signingLines({ policies, domains }: SigningSummary): string[] {
  if (policies.length === 0) return [];
  return [`signed answers: ${policies.join(', ')}`, ...domains.map(domainLine)];
}

function domainLine({ tenant, keys, is_rotated: rotated, delegates }: DomainSummary): string {
  const what = delegates ? 'root keys of keys in memory' : 'signing keys';
  const none = rotated ? 'none yet, the first is made at the start' : 'not judged';
  const active = delegates ? 'vouches now' : 'signs now';
  const words = keys.length === 0 ? none : keys.map((key) => keyWords(key, active)).join('; ');
  const schedule = rotated ? '; made on schedule (keys.rotation)' : '';
  return `${what}: ${tenant === null ? 'by default' : `for tenant ${tenant}`}: ${words}${schedule}`;
}

function keyWords(
  { kid, state, source, not_before: from, not_after: until }: KeySummary,
  active: string,
): string {
  const span = [from === null ? '' : ` from ${from}`, until === null ? '' : ` until ${until}`].join('');
  const where = source === null ? '' : `; in the source ${source.name}`;
  return `${kid} (${state === 'active' ? active : state}${span}${where})`;
}
