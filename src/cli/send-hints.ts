/** What to look at after a refusal. The gateway tells little on purpose; the caller's side knows more. */
import type { CollectedAnswer } from '../client/send-signed.js';
import { answerDecision, type AnswerDecision, type RefusalDetails } from '../client/refusal-answer.js';

/** A smaller difference is within every gateway's window, and the date header has whole seconds only. */
const NOTABLE_SECONDS = 10;

/** What a hint is made of. */
export interface HintInput {
  readonly answer: CollectedAnswer;
  readonly refusal: RefusalDetails;
  readonly timestampSeconds: number;
  readonly nowMs: number;
}

/** One sentence that is true of this answer and whoever gave it; `undefined` where the refusal says all there is. */
export function refusalHint(input: HintInput): string | undefined {
  const decision = answerDecision(input.answer.headers);
  switch (decision) {
    case 'refused':
    case 'undecided':
      return gatewayHint(input, decision);
    case 'let_through':
      return input.refusal.code === 'feedback_refused' ? WITHHELD : MAY_HAVE_ARRIVED;
    case 'unknown':
      return input.answer.status >= 500 ? NOT_REFUSED : NOT_OURS;
  }
}

const NOT_OURS =
  'no gateway of ours says that it refused this: it is the answer of the application, or of another proxy';
const NOT_REFUSED =
  'no gateway of ours says that it refused this: the request may have taken effect, and its nonce may be spent';
const MAY_HAVE_ARRIVED =
  'the gateway let this request through, and cannot say whether the application got it; its nonce is spent: the same bytes get a 409 that names this copy, and a new request (without --nonce) may do the thing twice';
const WITHHELD =
  "the application's answer could not be vouched for; the reason is in the audit log of the gateway, and the nonce of this request is spent";
const FILL = 'send it with --fill, which puts the signed timestamp and nonce into the body';
const MAY_BE_SENT_AGAIN =
  'this request was not let through: the same bytes may be sent again, with the same --timestamp and --nonce';

function gatewayHint(input: HintInput, decision: AnswerDecision): string | undefined {
  const { answer, refusal } = input;
  if (refusal.pointer === '/timestamp' || refusal.pointer === '/nonce') return FILL;
  switch (answer.status) {
    case 401:
      return unauthorizedHint(input);
    case 404:
      return 'the path has no policy, can be read in two ways, or carries a query where none is allowed: correct it, or have a policy added';
    case 409:
      return 'this nonce is spent: if the request that is named above was a copy of this one, it was let through and is not to be sent again; a new request is sent without --nonce';
    case 415:
      return refusal.code === 'unsupported_media_type'
        ? 'say with --content-type what the route takes'
        : undefined;
    case 429:
      return decision === 'refused' ? MAY_BE_SENT_AGAIN : undefined;
    case 503:
      return MAY_BE_SENT_AGAIN;
    default:
      return undefined;
  }
}

function unauthorizedHint({ answer, refusal, timestampSeconds, nowMs }: HintInput): string | undefined {
  switch (refusal.code) {
    case 'unauthenticated':
      return unauthenticatedHint(answer.headers.get('date'), timestampSeconds, nowMs);
    case 'body_mismatch':
      return 'the body must repeat timestamp and nonce of the headers: --fill sets them';
    case 'metadata_mismatch':
      return 'signed_metadata must repeat tenant_id, operator_id and campaign_id of the body';
    default:
      return undefined;
  }
}

const CHECK =
  'check identity, pinned certificate, signing key and kid; the precise reason is in the audit log of the gateway';

/** A difference of the clocks is named first, and not as the one reason: how wide the window is, is not told. */
function unauthenticatedHint(date: string | undefined, timestampSeconds: number, nowMs: number): string {
  const serverMs = date === undefined ? NaN : Date.parse(date);
  const aheadSeconds = Math.round(timestampSeconds - serverMs / 1000);
  if (Math.abs(aheadSeconds) > NOTABLE_SECONDS)
    return `the signed timestamp is ${Math.abs(aheadSeconds)} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'} the server's clock${clockRemark(serverMs, nowMs)}; if that is within the gateway's window, ${CHECK}`;
  return CHECK;
}

function clockRemark(serverMs: number, nowMs: number): string {
  return Math.abs(nowMs - serverMs) > NOTABLE_SECONDS * 1000 ? ': set the clock of this machine' : '';
}
