import {
  BUNDLE_PATH,
  bundleFields,
  bundleParts,
  codeOf,
  EXECUTION,
  judgeParts,
  NOW_SECONDS,
  OPERATOR,
} from '../../support/signed-request.js';

const without = (fields: Record<string, unknown>, name: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));

describe('a federation bundle', () => {
  const bundleVerdict = (bundle: unknown): string => codeOf(judgeParts(bundleParts(bundle)).judgement);

  it.each<[string, Record<string, unknown>]>([
    ['a bar in the operator', bundleFields({ operator_id: 'a|b' })],
    ['a bar in the campaign', bundleFields({ campaign_id: 'a|b' })],
    ['a bar in the nonce', bundleFields({ nonce: 'bundle|nonce-1' })],
    ['a nonce of 11 characters', bundleFields({ nonce: 'n'.repeat(11) })],
    ['a nonce of 129 characters', bundleFields({ nonce: 'n'.repeat(129) })],
    ['a timestamp in quotes', bundleFields({ timestamp: String(NOW_SECONDS) })],
    ['a timestamp of zero', bundleFields({ timestamp: 0 })],
    ['a timestamp of twelve digits', bundleFields({ timestamp: 100_000_000_000 })],
    ['a fractional timestamp', bundleFields({ timestamp: 1.5 })],
    ['an execution hash of 63 digits', bundleFields({ execution_hash: 'a'.repeat(63) })],
    ['an empty campaign', bundleFields({ campaign_id: '' })],
    ['no signature', without(bundleFields(), 'signature')],
    ['a signature without padding', bundleFields({ signature: 'A'.repeat(86) })],
    ['a signature of 63 bytes', bundleFields({ signature: Buffer.alloc(63).toString('base64') })],
    ['an unknown member', { ...bundleFields(), extra: 1 }],
    ['no operator', without(bundleFields(), 'operator_id')],
  ])('is refused with %s', (_title, bundle) => {
    expect(bundleVerdict(bundle)).toBe('body_contract');
  });

  it.each([
    ['a bundle that is an array', '{"bundle":[]}'],
    ['no bundle', '{}'],
    ['a second member beside it', JSON.stringify({ bundle: bundleFields(), extra: 1 })],
    [
      'an operator with a lone surrogate',
      JSON.stringify({ bundle: bundleFields({ operator_id: '@@' }) }).replace('@@', '\\ud800'),
    ],
  ])('is refused with %s', (_title, body) => {
    expect(bundleVerdict(body)).toBe('body_contract');
  });

  it.each<[string, Record<string, unknown>]>([
    [
      'bytes moved between fields',
      { ...bundleFields(), operator_id: `${OPERATOR}c`, campaign_id: 'ampaign-1' },
    ],
    ['another campaign', { ...bundleFields(), campaign_id: 'campaign-2' }],
    ['another time', { ...bundleFields(), timestamp: NOW_SECONDS }],
    ['another nonce', { ...bundleFields(), nonce: 'bundle-nonce-2' }],
    ['another execution', { ...bundleFields(), execution_hash: '00'.repeat(32) }],
    ['its execution hash in another case', { ...bundleFields(), execution_hash: EXECUTION.toUpperCase() }],
    ['a signature of zeros', { ...bundleFields(), signature: Buffer.alloc(64).toString('base64') }],
  ])('does not verify with %s', (_title, bundle) => {
    expect(bundleVerdict(bundle)).toBe('signature_invalid');
  });

  it.each<[string, Record<string, unknown>]>([
    ['text outside ASCII', bundleFields({ campaign_id: 'Überprüfung \u{1f600}' })],
    [
      'an execution hash that was signed in upper case',
      bundleFields({ execution_hash: EXECUTION.toUpperCase() }),
    ],
    ['a nonce with a dot', bundleFields({ nonce: 'evt.0123:4567' })],
    ['a very old time', bundleFields({ timestamp: 1 })],
  ])('verifies with %s', (_title, bundle) => {
    expect(bundleVerdict(bundle)).toBe('verified');
  });

  it('is recorded with its execution hash in lower case, however it was signed', () => {
    const { facts } = judgeParts(bundleParts(bundleFields({ execution_hash: EXECUTION.toUpperCase() })));
    expect(facts.execution).toBe(EXECUTION);
  });

  it('needs no signature header and reads none', () => {
    const parts = bundleParts();
    parts.headers.push(['x-telemetry-nonce', 'n,o,n,s,e,n,s,e'], ['x-telemetry-signature', '?']);
    expect(codeOf(judgeParts(parts).judgement)).toBe('verified');
    expect(parts.path).toBe(BUNDLE_PATH);
  });
});
