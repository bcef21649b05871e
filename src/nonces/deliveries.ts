/**
 * From Envoy's word on what became of an allow to the store: its claim is given back where nothing of it was delivered,
 * and its rate limit's slot with it. docs/adr/0026-undelivered-allows.md says why that lets nothing in twice.
 */
import { readClaimText } from '../verify/claim-text.js';
import type { RateLimits } from '../verify/effects.js';
import type { ClaimDelivery, NonceStore } from './nonce-store.js';

/** As the access log tells it (`envoy/access-log/delivery.ts`). */
export interface ReportedDelivery {
  readonly decisionId: string;
  /** Of `verify/claim-text.ts`, as it went with the allow. */
  readonly claim: string | undefined;
  readonly outcome: ClaimDelivery['outcome'];
  /** HTTP status of the answer to the client. */
  readonly status: number | undefined;
}

/** A decision id of ours: what else claims to be one is nobody's. */
const MAX_ID_CHARACTERS = 64;
const MAX_STATUS = 999;

/** Takes reports in, for the store and the limits that the allows were given by. Never throws, and nobody waits for it. */
export function deliveryNotes(
  store: Pick<NonceStore, 'noteDeliveries'>,
  limits: Pick<RateLimits, 'giveBack'>,
): (batch: readonly ReportedDelivery[]) => void {
  return (batch) => {
    const deliveries = batch.flatMap((reported) => deliveryOf(reported, limits) ?? []);
    if (deliveries.length > 0) store.noteDeliveries(deliveries);
  };
}

/** Undefined for an allow that claimed nothing, or of which it is not said what. */
function deliveryOf(
  { decisionId, claim, outcome, status = 0 }: ReportedDelivery,
  limits: Pick<RateLimits, 'giveBack'>,
): ClaimDelivery | undefined {
  const taken = claim === undefined ? undefined : readClaimText(claim);
  if (taken === undefined || decisionId.length > MAX_ID_CHARACTERS) return undefined;
  const { key, identity, timestampSeconds, slot } = taken;
  return {
    key,
    identity,
    timestampSeconds,
    requestId: decisionId,
    outcome,
    status: Number.isInteger(status) && status >= 0 && status <= MAX_STATUS ? status : 0,
    onWithdrawn: () => {
      if (slot !== undefined) limits.giveBack(slot);
    },
  };
}
