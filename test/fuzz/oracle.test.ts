/** The judge of the fuzzing, judged: it must not let through what nobody may. */
import { checkMessage } from '../support/check-messages.js';
import { fakeService } from '../support/fake-service.js';
import {
  bundleFields,
  bundleParts,
  CERTIFICATE,
  HEADER_NAMES,
  headerOf,
  OTHER_TENANT,
  otherKey,
  setBody,
  setHeader,
  signedParts,
  telemetryFields,
  telemetryParts,
  type RequestParts,
} from '../support/signed-request.js';
import { wrongAllow } from './oracle.js';

const CERTIFICATE_TEXT = `certificate:${CERTIFICATE.certificateSha256}:${CERTIFICATE.spkiSha256}`;
const ofTelemetry = (spoil: (parts: RequestParts) => void): RequestParts => {
  const parts = telemetryParts();
  spoil(parts);
  return parts;
};

test.each<[string, () => RequestParts]>([
  ['telemetry', () => telemetryParts()],
  ['a bundle', () => bundleParts()],
  ['bytes that nobody parses', () => signedParts()],
])('an allow of %s is right, and the service gives it', async (_what, parts) => {
  expect(wrongAllow(checkMessage(parts(), CERTIFICATE_TEXT))).toBeUndefined();
  expect((await fakeService().check(parts())).grpcCode).toBe(0);
});

test.each<[string, RequestParts]>([
  ['another body', ofTelemetry((parts) => setBody(parts, '{}'))],
  ['another key', telemetryParts(undefined, { key: otherKey })],
  [
    'a nonce twice',
    ofTelemetry((parts) => parts.headers.push([HEADER_NAMES.nonce, headerOf(parts, HEADER_NAMES.nonce)])),
  ],
  ['another nonce', ofTelemetry((parts) => setHeader(parts, HEADER_NAMES.nonce, 'another-nonce-0123456'))],
  ['another identity', ofTelemetry((parts) => setHeader(parts, HEADER_NAMES.identity, 'producer-02'))],
  ['an old timestamp', telemetryParts(undefined, { timestamp: '1764000' })],
  ['a tenant of somebody else', telemetryParts(telemetryFields({ tenant_id: OTHER_TENANT }))],
  ['a name twice', telemetryParts(JSON.stringify(telemetryFields()).replace('{', '{"nonce":"x",'))],
  [
    'a name twice, in another spelling',
    telemetryParts(JSON.stringify(telemetryFields()).replace('{', '{"\\u006eonce":"x",')),
  ],
  ['a bundle signed by another key', bundleParts(JSON.stringify({ bundle: bundleFields({}, otherKey) }))],
  [
    'a bundle with another field',
    bundleParts(JSON.stringify({ bundle: { ...bundleFields(), campaign_id: 'x' } })),
  ],
])('an allow of a request with %s is wrong', (_what, parts) => {
  expect(wrongAllow(checkMessage(parts, CERTIFICATE_TEXT))).toBeDefined();
});

test('an allow over another certificate is wrong', () => {
  expect(wrongAllow(checkMessage(telemetryParts(), `certificate:${'00'.repeat(32)}:`))).toBeDefined();
});
