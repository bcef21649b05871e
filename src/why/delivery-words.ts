/** What Envoy reported of one request over its access log service, told in sentences: the records of `src/audit/delivery-record.ts`. */
import { escapeControls } from '../json/escape-text.js';
import { factLines } from '../json/fact-lines.js';
import { numberOf, textOf, type LogRecord } from './records.js';
import { flagWords } from './words.js';

/** What became of a request that was let through: for a sentence of its own, and for the end of another one. */
const OUTCOMES: ReadonlyMap<string, readonly [sentence: string, phrase: string]> = new Map([
  ['request.delivered', ['It was delivered to the application', 'it was delivered to the application']],
  [
    'request.undelivered',
    [
      'It never reached the application: nothing of it was sent, so the same bytes may come again',
      'it never reached the application',
    ],
  ],
  [
    'request.delivery_unknown',
    [
      'It may have reached the application or not: look it up there by the decision id',
      'it may have reached the application or not',
    ],
  ],
]);
/** No id in it is proven: it may be the client's own, and that of somebody else's request. */
const REFUSED_BY_ENVOY =
  'Envoy ended a request that had or claimed this id by itself: the verifier was not asked, or gave no answer';

/** The events of what became of a request that was let through. */
export const OUTCOME_EVENTS: readonly string[] = [...OUTCOMES.keys()];

/** Whether a record says what became of a request that was let through. */
export function isOutcome(record: LogRecord): boolean {
  return OUTCOMES.has(eventOf(record));
}

/** Whether a record is Envoy's report, and no decision. */
export function isDelivery(record: LogRecord): boolean {
  return isOutcome(record) || eventOf(record) === 'envoy.refused';
}

/** For a record of which {@link isDelivery} says yes. */
export function deliveryText(record: LogRecord): string {
  const sentence = OUTCOMES.get(eventOf(record))?.[0] ?? REFUSED_BY_ENVOY;
  const flags = textOf(record, 'flags');
  const heading = `${sentence}. The client got ${answerOf(record)}, at ${textOf(record, 'time') ?? 'an unknown time'}.`;
  return `${escapeControls(heading)}\n${factLines([
    ['request', isOutcome(record) ? undefined : claimedRequest(record)],
    ['client', textOf(record, 'peer_address')],
    ['flags', flags === undefined ? undefined : flagWords(flags)],
    ['details', textOf(record, 'details')],
    ['tries at the application', numberOf(record, 'attempts')?.toString()],
    ['bytes sent to it', numberOf(record, 'upstream_bytes_sent')?.toString()],
    ['connection to it', textOf(record, 'upstream_failure')],
  ])}`;
}

/** The same in the middle of a sentence, for a record of which {@link isOutcome} says yes. */
export function outcomePhrase(record: LogRecord): string {
  return `${OUTCOMES.get(eventOf(record))?.[1] ?? ''}, and its client got ${answerOf(record)}`;
}

/** Nothing of such a request is verified, its id included. */
function claimedRequest(record: LogRecord): string {
  const words = [textOf(record, 'method'), textOf(record, 'path')].filter((word) => word !== undefined);
  return `${words.length > 0 ? words.join(' ') : 'unknown'} (claimed, as all of it)`;
}

function eventOf(record: LogRecord): string {
  return textOf(record, 'event') ?? '';
}

function answerOf(record: LogRecord): string {
  const status = numberOf(record, 'status');
  return status === undefined ? 'no answer' : `HTTP ${status}`;
}
