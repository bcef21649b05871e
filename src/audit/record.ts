/**
 * One record for every outcome, as one line of JSON. Hashes only: no nonce, signature, body or key ever
 * enters it (docs/security-requirements.md#32). What a caller merely claims is named `claimed_…`.
 * docs/operations.md#records lists the members.
 */
import type { BodyFault, ExceededLimit, Refusal } from '../verify/refusal.js';
import type { DecisionFacts } from '../verify/decision.js';
import type { WouldRefuse } from '../verify/report-only/would-refuse.js';
import type { StageTimer } from '../verify/stage-timer.js';
import { callerMembers } from './caller-members.js';
import { member, ours } from './members.js';

/** Stage timings as a record shows them. */
export type StageTimes = Pick<StageTimer, 'each'>;

/** What a record is made of. */
export interface RecordInput {
  readonly decisionId: string;
  /** Wall clock, Unix milliseconds. */
  readonly nowMs: number;
  /** Envoy's `x-request-id`; undefined when it sent none. */
  readonly envoyRequestId: string | undefined;
  /** As Envoy delivered them, the path without its query; undefined when the check could not be read. */
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly outcome: 'allow' | 'pass_through' | Refusal | Reported;
  readonly facts: DecisionFacts;
  readonly times: StageTimes;
  /** HTTP status that the client gets from us; 200 for an allow. */
  readonly status: number;
  /** Of the configuration that the request was judged on. */
  readonly generation: number;
  /** Of a check that is traced: 32 hex digits. */
  readonly traceId?: string | undefined;
}

/** A refusal that report-only lets pass. */
type Reported = Pick<WouldRefuse, 'kind' | 'refusal' | 'tolerated'>;

const FALLBACK_EVENTS = { accepted: 'request.accepted', rejected: 'request.rejected' };

/**
 * The line, newline included. Strings are escaped as JSON, control characters too, so a record is always
 * exactly one line.
 */
export function recordLine(input: RecordInput): string {
  const { facts, outcome } = input;
  const reported = typeof outcome === 'object' && outcome.kind === 'would_refuse' ? outcome : undefined;
  const refusal =
    typeof outcome === 'string' ? undefined : outcome.kind === 'refuse' ? outcome : outcome.refusal;
  const passes = typeof outcome === 'string' || reported !== undefined;
  const caller = callerMembers(facts);
  const events = facts.policy?.events ?? FALLBACK_EVENTS;
  return (
    `{"time":"${isoTime(input.nowMs)}"` +
    ours('event', passes ? events.accepted : events.rejected) +
    ours('decision_id', input.decisionId) +
    ours('code', reported?.kind ?? refusal?.code ?? (outcome as string)) +
    `,"status":${input.status}` +
    (refusal === undefined ? '' : reportMembers(refusal, reported)) +
    member('detail', refusal?.detail) +
    (refusal?.fault === undefined ? '' : faultMembers(refusal.fault)) +
    (refusal?.limit === undefined ? '' : limitMembers(refusal.limit)) +
    member('method', input.method) +
    member('path', input.path) +
    member('request_id', input.envoyRequestId) +
    caller.names +
    (facts.skewSeconds === undefined ? '' : `,"skew_seconds":${facts.skewSeconds}`) +
    caller.context +
    member('execution', facts.execution) +
    ours('nonce_hash', facts.nonceHash?.toString('hex')) +
    (refusal?.first === undefined ? '' : firstMembers(refusal.first)) +
    ours('trace_id', input.traceId) +
    `,"generation":${input.generation},"stage_us":{${stageMembers(input.times)}}}\n`
  );
}

/** Of a refusal that was let pass, its code and all that was wrong; of one that was nearly let pass, why not. */
function reportMembers({ code, notTolerated }: Refusal, reported: Reported | undefined): string {
  if (reported === undefined) return ours('not_tolerated', notTolerated);
  return `${ours('would_refuse', code)},"tolerated":["${reported.tolerated.join('","')}"]`;
}

function faultMembers({ problem, pointer, offset }: BodyFault): string {
  return (
    ours('problem', problem) +
    member('pointer', pointer) +
    (offset === undefined ? '' : `,"offset":${offset}`)
  );
}

function firstMembers({ requestId, status }: NonNullable<Refusal['first']>): string {
  return member('first_decision_id', requestId) + (status === undefined ? '' : `,"first_status":${status}`);
}

function limitMembers({ name, value }: ExceededLimit): string {
  return `,"limit":"${name}","limit_value":${value}`;
}

/** The line that follows a time in which records could not be written (docs/security-requirements.md#35: a loss is never silent). */
export function gapLine(nowMs: number, lostRecords: number): string {
  return `{"time":"${new Date(nowMs).toISOString()}","event":"audit.resumed","lost_records":${lostRecords}}\n`;
}

/** The members of `stage_us`: whole microseconds by stage. */
export function stageMembers(times: StageTimes): string {
  let members = '';
  times.each((stage, milliseconds) => {
    members += `${members === '' ? '' : ','}"${stage}":${Math.round(milliseconds * 1000)}`;
  });
  return members;
}

let isoSecond = -1;
let isoPrefix = '';

/** RFC 3339 in UTC with milliseconds. The calendar is worked out once a second. */
export function isoTime(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== isoSecond) {
    isoSecond = second;
    isoPrefix = new Date(second * 1000).toISOString().slice(0, -'000Z'.length);
  }
  return `${isoPrefix}${String(Math.floor(nowMs) - second * 1000).padStart(3, '0')}Z`;
}
