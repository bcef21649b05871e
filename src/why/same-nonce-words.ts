/** What became of the other requests with a nonce, in sentences: of a copy the first one, of one that met nobody those after it. */
import { escapeControls } from '../json/escape-text.js';
import { isOutcome, outcomePhrase } from './delivery-words.js';
import type { WhyFindings } from './look.js';
import { textOf, type LogRecord } from './records.js';

/** Nothing for a request that is neither. */
export function sameNonceText({ records, sameNonce }: WhyFindings): string {
  const firsts = new Set(records.flatMap((record) => textOf(record, 'first_decision_id') ?? []));
  const allows = sameNonce.filter((record) => !isOutcome(record));
  const outcomes = new Map(
    sameNonce.filter(isOutcome).map((outcome) => [textOf(outcome, 'decision_id'), outcome]),
  );
  const there = new Set(allows.map((record) => textOf(record, 'decision_id')));
  const wasUndelivered = records.some((record) => textOf(record, 'event') === 'request.undelivered');
  const sentences = [
    ...[...firsts]
      .filter((first) => !there.has(first))
      .map((first) => `The record of the first copy, decision ${first}, is not here.`),
    ...allows.map((allow) => allowText(allow, firsts, outcomes)),
    ...(wasUndelivered && allows.length === 0 ? ['No other copy of it is recorded as let through.'] : []),
  ];
  return sentences.map((sentence) => `${escapeControls(sentence)}\n`).join('');
}

function allowText(
  allow: LogRecord,
  firsts: ReadonlySet<string>,
  outcomes: ReadonlyMap<string | undefined, LogRecord>,
): string {
  const id = textOf(allow, 'decision_id') ?? 'without an id';
  const outcome = outcomes.get(id);
  const which = firsts.has(id) ? 'The first copy' : 'A request with the same nonce';
  const at = textOf(allow, 'time') ?? 'an unknown time';
  const became = outcome === undefined ? 'what became of it is not recorded' : outcomePhrase(outcome);
  return `${which} was let through at ${at}, as decision ${id}: ${became}.`;
}
