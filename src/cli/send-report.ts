/** What the commands that send say about an outcome, for people and for scripts. */
import type { CollectedAnswer, SendOutcome } from '../client/send-signed.js';
import {
  answerDecision,
  mayPass,
  parseRefusal,
  parseRetryAfter,
  type RefusalDetails,
} from '../client/refusal-answer.js';
import { escapeControls } from '../json/escape-text.js';
import { type CliWorld, ExitCode } from './command.js';
import { explainFailure, mayHaveArrived, refusalHint } from './send-advice.js';
import type { PreparedRequest } from './request-options.js';
import { factLines, faultText, isoTime, jsonText } from './text.js';

/** Longer bodies are cut in the report for people; `--json` has them whole. */
const MAX_SHOWN_CHARACTERS = 4_000;

/** An outcome and what is needed to explain it. */
export interface SendReportInput {
  readonly url: string;
  readonly outcome: SendOutcome;
  readonly request: PreparedRequest;
  /** The client certificate. */
  readonly certificate: Uint8Array;
  /** Whether the request only asks: then the same thing may be asked twice. */
  readonly isQuery: boolean;
  /** Unix milliseconds, when the outcome was there. */
  readonly nowMs: number;
}

/** Says it. What the server answered is the command's result; that there is no answer is its error. */
export function reportOutcome(world: CliWorld, input: SendReportInput, json: true | undefined): ExitCode {
  if (json) world.out(jsonText(sendJson(input)));
  else if (input.outcome.kind === 'answered') world.out(sendReport(input));
  else world.err(sendReport(input));
  return exitCodeOf(input.outcome);
}

/** Refused is what the server has decided, a redirect included; everything else stood in the way. */
function exitCodeOf(outcome: SendOutcome): ExitCode {
  if (outcome.kind === 'answered') return outcome.accepted ? ExitCode.good : ExitCode.refused;
  if (outcome.failure.code === 'redirected') return ExitCode.refused;
  return outcome.failure.code === 'url_refused' ? ExitCode.usage : ExitCode.cannot;
}

/** For people: one line of result, facts below it. */
function sendReport(input: SendReportInput): string {
  const { outcome } = input;
  if (outcome.kind === 'failed') {
    const { message, remedy } = explainFailure(outcome.failure, input);
    const isForTheSame = mayHaveArrived(outcome.failure) && !input.isQuery;
    const facts = factLines([['sent with', isForTheSame ? sentWith(input) : undefined]]);
    return `${faultText({ message, remedy })}${facts}`;
  }
  return outcome.accepted ? acceptedReport(outcome.answer) : refusedReport(outcome.answer, input);
}

function acceptedReport({ status, body }: CollectedAnswer): string {
  return `accepted: HTTP ${status}\n${shownBody(body)}`;
}

/** What the same bytes take to be sent again. */
function sentWith({ request }: SendReportInput): string {
  return `--timestamp ${request.timestampSeconds} --nonce ${request.nonce}`;
}

function refusedReport(answer: CollectedAnswer, input: SendReportInput): string {
  const { request, nowMs, isQuery } = input;
  const refusal = parseRefusal(answer.body);
  if (refusal === undefined) return `refused: HTTP ${answer.status}\n${shownBody(answer.body)}`;
  const retryAfterSeconds = parseRetryAfter(answer.headers.get('retry-after'));
  const heading = `refused: HTTP ${answer.status} ${refusal.code}${refusal.message === undefined ? '' : `: ${refusal.message}`}`;
  return `${escapeControls(heading)}\n${factLines([
    ['problem', problemOf(refusal)],
    ['request id', refusal.requestId],
    ['first let through as', refusal.firstRequestId],
    ['first seen at', momentOf(refusal.firstSeenAtSeconds)],
    ['first answered with', refusal.firstStatus === undefined ? undefined : `HTTP ${refusal.firstStatus}`],
    ['allowed', answer.headers.get('allow')],
    ['retry after', retryAfterSeconds === undefined ? undefined : `${retryAfterSeconds} s`],
    ['sent with', isForTheSameBytes(answer, input) ? sentWith(input) : undefined],
    ['hint', refusalHint({ answer, refusal, timestampSeconds: request.timestampSeconds, nowMs, isQuery })],
  ])}`;
}

/** A query that was let through is sent again under another nonce. */
function isForTheSameBytes({ status, headers }: CollectedAnswer, { isQuery }: SendReportInput): boolean {
  return mayPass(status) && !(isQuery && answerDecision(headers) === 'let_through');
}

/** What is wrong with the body, and where; the pointer of the whole body is empty. */
function problemOf({ problem, pointer }: RefusalDetails): string | undefined {
  if (problem === undefined || pointer === undefined) return problem;
  return `${problem} ${pointer === '' ? '(the body)' : pointer}`;
}

function shownBody(body: Uint8Array): string {
  if (body.length === 0) return '';
  const text = new TextDecoder().decode(body);
  const cut = text.length > MAX_SHOWN_CHARACTERS ? `${text.slice(0, MAX_SHOWN_CHARACTERS)}…` : text;
  return `${cut.trimEnd().split('\n').map(escapeControls).join('\n')}\n`;
}

/** A number that is no moment stays as it was sent. */
function momentOf(seconds: number | undefined): string | undefined {
  if (seconds === undefined) return undefined;
  return Number.isNaN(new Date(seconds * 1000).getTime()) ? String(seconds) : isoTime(seconds * 1000);
}

/** For scripts: one object, the same members for every outcome. */
function sendJson(input: SendReportInput): object {
  const { outcome, request } = input;
  const sent = { timestamp: request.timestampSeconds, nonce: request.nonce };
  if (outcome.kind === 'failed')
    return { outcome: 'failed', sent, failure: outcome.failure, ...explainFailure(outcome.failure, input) };
  const { status, headers, body } = outcome.answer;
  return {
    outcome: outcome.accepted ? 'accepted' : 'refused',
    sent,
    status,
    retry_after_seconds: parseRetryAfter(headers.get('retry-after')),
    decision: outcome.accepted ? undefined : answerDecision(headers),
    refusal: outcome.accepted ? undefined : refusalJson(parseRefusal(body)),
    body: new TextDecoder().decode(body),
  };
}

function refusalJson(refusal: RefusalDetails | undefined): object | undefined {
  if (refusal === undefined) return undefined;
  return {
    code: refusal.code,
    message: refusal.message,
    pointer: refusal.pointer,
    problem: refusal.problem,
    request_id: refusal.requestId,
    first_request_id: refusal.firstRequestId,
    first_seen_at: refusal.firstSeenAtSeconds,
    first_status: refusal.firstStatus,
  };
}
