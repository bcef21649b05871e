/** What `countersign why` says of one request, for people and for scripts. Pure. */
import { escapeControls } from '../json/escape-text.js';
import { factLines } from '../json/fact-lines.js';
import { memberOf } from '../json/member-of.js';
import { deliveryText, isDelivery } from './delivery-words.js';
import type { WhyFindings } from './look.js';
import { numberOf, textOf, type LogRecord } from './records.js';
import { sameNonceText } from './same-nonce-words.js';
import { assuranceInWords, flagWords, meaningOf } from './words.js';

/** Sentences: what was decided, why, what to do next, and what Envoy did with it. */
export function whyText(findings: WhyFindings): string {
  const { records, copies, lines, hasMore } = findings;
  // What Envoy told the verifier is certain; from a line of its file alone it is not clear whether anything was sent.
  const isTold = records.some(isDelivery);
  const parts = [
    ...records.map((record) => (isDelivery(record) ? deliveryText(record) : decisionText(record, isTold))),
    ...(records.length === 0 && copies.length === 0 ? [NO_DECISION] : []),
    sameNonceText(findings),
    ...lines.map(envoyText),
    ...(!isTold && lines.some(mayBeUndelivered) ? [MAY_BE_UNDELIVERED] : []),
    ...(!isTold && lines.length === 0 ? [NO_ACCESS_LOG] : []),
    ...(copies.length === 0 ? [] : [copiesText(copies)]),
    ...(hasMore ? ['There are more lines about it, which are not shown.\n'] : []),
  ];
  return parts.join('');
}

const NO_DECISION =
  'No decision is recorded: the verifier was not asked, or could not answer, or its record is in another file.\n';
const NO_ACCESS_LOG =
  "Envoy's access log says nothing of it: ask again in ten seconds, as Envoy writes it late, or give the file that has it with --envoy-log.\n";

const MAY_BE_UNDELIVERED =
  'It was let through, and Envoy answered in the place of the application, which may have got it or not; its nonce is spent. Look it up there by the decision id (x-countersign-request-id), or send a new request with a new nonce.\n';

/** After an allow, and not by the application. */
function mayBeUndelivered(line: LogRecord): boolean {
  return textOf(line, 'code') === 'allow' && whoAnswered(line)?.startsWith('Envoy') === true;
}

function decisionText(record: LogRecord, isTold: boolean): string {
  const code = textOf(record, 'code') ?? 'without a code';
  const meaning = meaningOf(code);
  const wouldRefuse = textOf(record, 'would_refuse');
  const request = [textOf(record, 'method'), textOf(record, 'path')].filter((word) => word !== undefined);
  return `${escapeControls(heading(record, code))}\n${factLines([
    ['request', request.length > 0 ? request.join(' ') : undefined],
    ['policy', textOf(record, 'policy')],
    ['identity', textOf(record, 'identity') ?? claimed(record, 'claimed_identity')],
    ['key', textOf(record, 'kid') ?? claimed(record, 'claimed_kid')],
    ['certificate', textOf(record, 'cert_sha256')],
    ['known by', assuranceInWords(textOf(record, 'assurance'))],
    ['operator', textOf(record, 'operator')],
    ['tenant', textOf(record, 'tenant')],
    ['why', meaning?.why],
    ['refusal', wouldRefuse && [wouldRefuse, meaningOf(wouldRefuse)?.why].filter(Boolean).join(': ')],
    ['let pass', listOf(record, 'tolerated')],
    ['not passed', textOf(record, 'not_tolerated')],
    ['in detail', textOf(record, 'detail')],
    ['skew', seconds(numberOf(record, 'skew_seconds'))],
    ['limit', scalarOf(record, 'limit')],
    ['first copy', firstCopy(record)],
    ['next', isTold && code === 'allow' ? undefined : nextStep(record, meaning?.next)],
    ['and', wouldRefuse && meaningOf(wouldRefuse)?.next],
  ])}`;
}

function heading(record: LogRecord, code: string): string {
  const status = numberOf(record, 'status');
  const at = textOf(record, 'time') ?? 'an unknown time';
  const id = textOf(record, 'decision_id') ?? 'without an id';
  const answer = isOfAnswer(record) ? 'The answer was' : 'The request was';
  const verdict = VERDICTS.get(code) ?? `${isOfAnswer(record) ? 'withheld' : 'refused'} as ${code}`;
  return `${answer} ${verdict}${status === undefined ? '' : ` (HTTP ${status})`}, decision ${id}, at ${at}.`;
}

const VERDICTS: ReadonlyMap<string, string> = new Map([
  ['allow', 'let through'],
  ['would_refuse', 'let through although it would be refused'],
  ['pass_through', 'passed without a check'],
  ['signed', 'signed'],
]);

/** Of a replay: which copy was let through, and what its client was sent. */
function firstCopy(record: LogRecord): string | undefined {
  const id = textOf(record, 'first_decision_id');
  if (id === undefined) return undefined;
  const status = scalarOf(record, 'first_status');
  return status === undefined
    ? `${id}; what became of it was not known yet`
    : `${id}, which was answered with HTTP ${status}`;
}

/** Of a replay the command that tells of the first copy, ready to be run. */
function nextStep(record: LogRecord, next: string | undefined): string | undefined {
  const id = textOf(record, 'first_decision_id');
  return id === undefined
    ? next
    : `do not send this event again; \`countersign why ${id}\` tells what became of the first copy`;
}

/** The record of an answer follows that of its query, under the same id (src/audit/feedback-record.ts). */
function isOfAnswer(record: LogRecord): boolean {
  return textOf(record, 'event')?.startsWith('cognitive.feedback.') ?? false;
}

function claimed(record: LogRecord, name: string): string | undefined {
  const value = textOf(record, name);
  return value === undefined ? undefined : `${value} (claimed, not proven)`;
}

function seconds(value: number | undefined): string | undefined {
  if (value === undefined) return undefined;
  return value < 0 ? `${-value} s behind the verifier's clock` : `${value} s ahead of the verifier's clock`;
}

/** Nothing in a record is believed to have any type. */
function listOf(record: LogRecord, name: string): string | undefined {
  const value = memberOf(record, name);
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string').join(', ') : undefined;
}

function scalarOf(record: LogRecord, name: string): string | undefined {
  return textOf(record, name) ?? numberOf(record, name)?.toString();
}

function envoyText(line: LogRecord): string {
  const flags = textOf(line, 'flags');
  const status = scalarOf(line, 'status') ?? 'no status';
  const duration = scalarOf(line, 'duration_ms');
  const took = duration === undefined ? '' : ` after ${duration} ms`;
  const at = textOf(line, 'time') ?? 'an unknown time';
  return `${escapeControls(`Envoy answered with ${status === '0' ? 'nothing' : `HTTP ${status}`}${took}, at ${at}.`)}\n${factLines(
    [
      ['request', [textOf(line, 'method') ?? '?', textOf(line, 'path') ?? '?'].join(' ')],
      ['who answered', whoAnswered(line)],
      ['flags', flags === undefined ? undefined : flagWords(flags)],
      ['tries at the application', scalarOf(line, 'upstream_attempts')],
      ['application', textOf(line, 'upstream_address')],
      ['connection to it', textOf(line, 'upstream_failure')],
      ['client', textOf(line, 'peer_address')],
      ["Envoy's request id", textOf(line, 'request_id')],
    ],
  )}`;
}

/** By Envoy's response code details, which no upstream can write. */
function whoAnswered(line: LogRecord): string | undefined {
  const details = textOf(line, 'details');
  if (details === undefined) return undefined;
  if (details === 'via_upstream') return 'the application';
  if (details === 'ext_authz_denied' || details === 'countersign_refused_request') return 'the verifier';
  if (details === 'countersign_refused') return 'the verifier, which withheld the answer of the application';
  if (details === 'ext_authz_error')
    return 'Envoy, as the verifier did not answer: the request was not let through';
  // Request and answer are on one stream.
  if (details.startsWith('ext_proc_error'))
    return `Envoy, as the verifier broke off: nobody let the request through, or signed the answer if the application was tried (${details})`;
  return `Envoy itself (${details})`;
}

function copiesText(copies: readonly LogRecord[]): string {
  const times = copies.map((copy) => textOf(copy, 'time') ?? '?');
  const last = copies.length === 1 ? '' : `, the last at ${times.at(-1)}`;
  return (
    escapeControls(`Later copies of it were refused: ${copies.length}, the first at ${times[0]}${last}.`) +
    '\n'
  );
}

/** For scripts: the records as they are, with the words beside them. */
export function whyJson({ id, records, copies, sameNonce, lines, hasMore }: WhyFindings): object {
  // Of a decision or an answer, which alone have a code; not of its delivery.
  const decided = records.filter((record) => 'code' in record);
  return {
    id,
    decisions: decided.map((record) => ({ record, ...meaningOf(textOf(record, 'code') ?? '') })),
    told_by_envoy: records.filter((record) => !decided.includes(record)),
    envoy: lines.map((line) => {
      const flags = textOf(line, 'flags');
      return {
        line,
        answered_by: whoAnswered(line),
        flags_in_words: flags === undefined ? undefined : flagWords(flags),
      };
    }),
    later_copies: copies,
    same_nonce: sameNonce,
    has_more: hasMore,
  };
}
