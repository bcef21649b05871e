import { passedLimit } from '../../../src/audit/passed-limit.js';
import { noFacts } from '../../../src/verify/decision.js';
import { refuse, type RefusalCode } from '../../../src/verify/refusal.js';
import { passThroughPolicy, profilePolicy } from '../../support/signed-request.js';

const policy = {
  ...profilePolicy('federation.telemetry'),
  freshness: { pastSkewSeconds: 30, futureSkewSeconds: 5 },
  maxBodyBytes: 1_000,
  rateLimit: { group: 'default', perMinute: 7 },
};
const bounds = { maxEntries: 100, maxEntriesPerIdentity: 10 };
const limit = (code: RefusalCode, skewSeconds = 0) =>
  passedLimit(refuse(code), { ...noFacts(), policy, skewSeconds }, bounds);

describe('the limit that a refusal names', () => {
  it.each([
    ['timestamp_outside_window', -31, 'freshness.pastSkewSeconds', 30],
    ['timestamp_outside_window', 6, 'freshness.futureSkewSeconds', 5],
    ['body_too_large', 0, 'maxBodyBytes', 1_000],
    ['rate_limited', 0, 'rateLimit.perMinute', 7],
    ['nonce_store_full', 0, 'nonces.maxEntries', 100],
    ['nonce_quota_exceeded', 0, 'nonces.maxEntriesPerIdentity', 10],
  ] as const)('for %s is that of its policy or store', (code, skewSeconds, name, value) => {
    expect(limit(code, skewSeconds)).toEqual({ name, value });
  });

  it('is none where no limit was passed, or no policy was found', () => {
    expect(limit('signature_invalid')).toBeUndefined();
    const facts = { ...noFacts(), policy: passThroughPolicy };
    expect(passedLimit(refuse('rate_limited'), facts, bounds)).toBeUndefined();
    expect(passedLimit(refuse('body_too_large'), noFacts(), bounds)).toBeUndefined();
  });
});
