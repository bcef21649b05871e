/** Whether there are keys to verify requests and to sign answers with, now. */
import { activeKeyOf } from '../feedback/feedback-settings.js';
import type { Identity, Snapshot } from '../verify/snapshot.js';
import { isValidAt } from '../protocol/validity-interval.js';
import type { HealthComponent } from './health.js';

/** How long an answer stands: a look at a hundred thousand identities takes milliseconds. */
const RECHECK_MILLISECONDS = 1_000;

/**
 * The component `keys`. It is at fault when no signed request of anybody can pass: every one would be answered 401,
 * which producers take as final, where Envoy's 503 for an unready verifier is tried again. That answers cannot be
 * signed is a note: their routes withhold them with 503 by themselves, and everything else goes on.
 */
export function keyHealth(snapshot: () => Snapshot, nowMs: () => number): HealthComponent {
  let last:
    { readonly snapshot: Snapshot; readonly atMs: number; readonly fault: string | undefined } | undefined;
  return {
    name: 'keys',
    fault: () => {
      const current = snapshot();
      const now = nowMs();
      const isFresh = last?.snapshot === current && Math.abs(now - last.atMs) < RECHECK_MILLISECONDS;
      if (!isFresh) last = { snapshot: current, atMs: now, fault: requestFault(current, now) };
      return last?.fault;
    },
    note: () => feedbackNote(snapshot(), nowMs()),
  };
}

function requestFault({ identities, policies }: Snapshot, nowMs: number): string | undefined {
  const isAsked = [...policies.values()].some(({ kind }) => kind === 'signed');
  if (!isAsked) return undefined;
  let callers = 0;
  for (const identity of identities.values()) {
    if (identity.revoked) continue;
    if (canCall(identity, nowMs)) return undefined;
    callers++;
  }
  return callers === 0 ? undefined : 'no identity has a key and a pinned certificate that are valid now';
}

function canCall({ keys, pins }: Identity, nowMs: number): boolean {
  const isValid = (interval: (typeof keys)[number] | (typeof pins)[number]): boolean =>
    isValidAt(interval, nowMs);
  return keys.some(isValid) && pins.some(isValid);
}

function feedbackNote({ feedback }: Snapshot, nowMs: number): string | undefined {
  if (feedback === undefined) return undefined;
  if (activeKeyOf(feedback.defaultDomain, nowMs) === undefined)
    return 'no feedback key may sign now, so answers on signed routes are withheld';
  const without = [...feedback.tenantDomains.values()].filter(
    (domain) => activeKeyOf(domain, nowMs) === undefined,
  );
  if (without.length === 0) return undefined;
  return `no feedback key of ${without.length} tenant domains may sign now, so their answers are withheld`;
}
