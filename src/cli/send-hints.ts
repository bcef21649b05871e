/** What to look at after a refusal. The gateway tells little on purpose; the caller's side knows more. */
import type { CollectedAnswer } from '../client/collect-answer.js';
import type { RefusalDetails } from '../client/refusal-answer.js';

/** A smaller difference is within every gateway's window, and the date header has whole seconds only. */
const NOTABLE_SECONDS = 10;

/** What a hint is made of. */
export interface HintInput {
  readonly answer: CollectedAnswer;
  readonly refusal: RefusalDetails;
  readonly timestampSeconds: number;
  readonly nowMs: number;
}

/** One sentence; `undefined` where the refusal says all there is. */
export function refusalHint({ answer, refusal, timestampSeconds, nowMs }: HintInput): string | undefined {
  switch (answer.status) {
    case 401:
      return refusal.code === 'unauthenticated'
        ? unauthenticatedHint(answer.headers.get('date'), timestampSeconds, nowMs)
        : 'the body must repeat timestamp and nonce of the headers: --fill sets them';
    case 404:
      return 'the path has no policy, or carries a query where none is allowed';
    case 409:
      return 'this nonce is spent: leave --nonce out, and a new one is made';
    case 415:
      return 'see --content-type';
    case 503:
      return 'nothing was let through: the same request may be sent again, nonce included';
    default:
      return undefined;
  }
}

function unauthenticatedHint(date: string | undefined, timestampSeconds: number, nowMs: number): string {
  const serverMs = date === undefined ? NaN : Date.parse(date);
  const aheadSeconds = Math.round(timestampSeconds - serverMs / 1000);
  if (Math.abs(aheadSeconds) > NOTABLE_SECONDS)
    return `the signed timestamp is ${Math.abs(aheadSeconds)} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'} the server's clock${clockRemark(serverMs, nowMs)}`;
  return 'check identity, pinned certificate, signing key and kid; the precise reason is in the audit log of the gateway';
}

function clockRemark(serverMs: number, nowMs: number): string {
  return Math.abs(nowMs - serverMs) > NOTABLE_SECONDS * 1000 ? ': set the clock of this machine' : '';
}
