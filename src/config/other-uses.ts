/** Keys that may sign no request, as they are for something else (docs/security-requirements.md#4). */
import { allKeys, type FeedbackSettings } from '../feedback/feedback-settings.js';
import { quoteText } from '../json/escape-text.js';
import type { AuditSettings } from './settings.js';

/** The raw public half of each, and what it is for, in words: every key that signs answers or vouches for one, and the audit log's. */
export function* keysOfOtherUses(
  feedback: FeedbackSettings | undefined,
  { log }: Pick<AuditSettings, 'log'>,
): Generator<readonly [raw: Uint8Array, what: string]> {
  for (const { kid, publicKey } of feedback === undefined ? [] : allKeys(feedback))
    yield [publicKey.raw, `the feedback key ${quoteText(kid)}`];
  if (log !== undefined) yield [log.publicKey, 'the key of the audit log'];
}
