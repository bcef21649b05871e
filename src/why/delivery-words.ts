/** What Envoy reported of one request over its access log service, told in sentences: the records of `src/audit/delivery-record.ts`. */
import { escapeControls } from '../json/escape-text.js';
import { factLines } from '../json/fact-lines.js';
import { numberOf, textOf, type LogRecord } from './records.js';
import { flagWords } from './words.js';

const SENTENCES: ReadonlyMap<string, string> = new Map([
  ['request.delivered', 'It was delivered to the application'],
  [
    'request.undelivered',
    'It never reached the application: nothing of it was sent, so the same bytes may come again',
  ],
  [
    'request.delivery_unknown',
    'It may have reached the application or not: look it up there by the decision id',
  ],
  ['envoy.refused', 'Envoy ended it by itself: the verifier was not asked, or gave no answer'],
]);

/** Whether a record is Envoy's report, and no decision. */
export function isDelivery(record: LogRecord): boolean {
  return SENTENCES.has(textOf(record, 'event') ?? '');
}

/** For a record of which {@link isDelivery} says yes. */
export function deliveryText(record: LogRecord): string {
  const sentence = SENTENCES.get(textOf(record, 'event') ?? '') ?? '';
  const status = numberOf(record, 'status');
  const got = status === undefined ? 'no answer' : `HTTP ${status}`;
  const flags = textOf(record, 'flags');
  const heading = `${sentence}. The client got ${got}, at ${textOf(record, 'time') ?? 'an unknown time'}.`;
  const isRefusal = textOf(record, 'event') === 'envoy.refused';
  return `${escapeControls(heading)}\n${factLines([
    ['request', isRefusal ? claimedRequest(record) : undefined],
    ['client', textOf(record, 'peer_address')],
    ['flags', flags === undefined ? undefined : flagWords(flags)],
    ['details', textOf(record, 'details')],
    ['tries at the application', numberOf(record, 'attempts')?.toString()],
    ['bytes sent to it', numberOf(record, 'upstream_bytes_sent')?.toString()],
    ['connection to it', textOf(record, 'upstream_failure')],
  ])}`;
}

/** Nothing of such a request is verified, its id included. */
function claimedRequest(record: LogRecord): string {
  const words = [textOf(record, 'method'), textOf(record, 'path')].filter((word) => word !== undefined);
  return `${words.length > 0 ? words.join(' ') : 'unknown'} (claimed, as all of it)`;
}
