/** What a span says of a check, and what it must not say; and the record and the answer of a check that is traced. */
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { Sampling } from '../../../../src/observability/tracing/sampling.js';
import { Spans } from '../../../../src/observability/tracing/spans.js';
import { fakeService, metadataCode, type FakeServiceOptions } from '../../../support/fake-service.js';
import {
  HEADER_NAMES,
  IDENTITY,
  setHeader,
  telemetryParts,
  type RequestParts,
} from '../../../support/signed-request.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = `00-${TRACE}-${SPAN}-01`;

/** With headers set besides, or in place of what there is. */
function telemetryWith(headers: Readonly<Record<string, string>>): RequestParts {
  const parts = telemetryParts();
  for (const [name, value] of Object.entries(headers)) setHeader(parts, name, value);
  return parts;
}

function traced(share: number, options: FakeServiceOptions = {}) {
  const spans: ReadableSpan[] = [];
  const sampling = new Sampling({ share, tracesPerSecond: 1_000, monotonicMs: () => 0 });
  const service = { name: 'countersign', instance: 'pod-1', version: '1' };
  const tracing = new Spans({ sampling, service, ended: (span) => void spans.push(span) });
  const byName = (name: string): ReadableSpan | undefined => spans.find((span) => span.name === name);
  return { ...fakeService({ ...options, tracing }), spans, byName };
}

it('a check whose trace is sampled goes on with it, and its claim is within it', async () => {
  const { check, byName, spans, audit, store, time } = traced(0);
  store.before = () => void (time.monotonicMs += 7);
  const response = await check(telemetryWith({ traceparent: PARENT }));
  expect([metadataCode(response), spans.length]).toEqual(['allow', 2]);
  const [span, claim] = [byName('check'), byName('claim')];
  expect(span?.spanContext().traceId).toBe(TRACE);
  expect(span?.parentSpanContext).toMatchObject({ spanId: SPAN, isRemote: true });
  expect(claim?.parentSpanContext?.spanId).toBe(span?.spanContext().spanId);
  expect([span?.duration, claim?.duration]).toEqual([
    [0, 7_000_000],
    [0, 7_000_000],
  ]);
  expect(span?.attributes).toMatchObject({
    'countersign.code': 'allow',
    'countersign.decision_id': response.metadata['decision_id'],
    'countersign.policy': 'federation.telemetry',
    'countersign.identity': response.metadata['identity'],
    'countersign.stage_us.admission': 7_000,
  });
  expect(audit.last()).toMatchObject({ trace_id: TRACE });
  expect(response.metadata['traceparent']).toBe(`00-${TRACE}-${span?.spanContext().spanId}-01`);
});

it("the span of the call is nearer than the request's", async () => {
  const { check, byName } = traced(0);
  const nearer = `00-${TRACE}-${'c'.repeat(16)}-01`;
  await check(telemetryWith({ traceparent: PARENT }), { traceparent: nearer });
  expect(byName('check')?.parentSpanContext?.spanId).toBe('c'.repeat(16));
});

it('a flag of somebody who has proven nothing is not followed', async () => {
  const { check, spans, audit } = traced(0);
  const forged = telemetryWith({ [HEADER_NAMES.signature]: 'A'.repeat(86) + '==', traceparent: PARENT });
  const response = await check(forged);
  expect(metadataCode(response)).not.toBe('allow');
  expect([spans.length, audit.last()['trace_id'], response.metadata['traceparent']]).toEqual([
    0,
    undefined,
    undefined,
  ]);
});

it('a check that is refused is shown with its code, and without what was merely claimed', async () => {
  const { check, byName, spans } = traced(1);
  const response = await check({ ...telemetryParts(), peerCertificate: 'missing' });
  expect(response.httpStatus).toBeGreaterThanOrEqual(400);
  expect(byName('claim')).toBeUndefined();
  const attributes = byName('check')?.attributes ?? {};
  expect(attributes['countersign.code']).toBe(metadataCode(response));
  expect(Object.keys(attributes)).not.toContain('countersign.identity');
  expect(byName('check')?.spanContext().traceId).toBe(response.metadata['decision_id']?.replaceAll('-', ''));
  expect([spans.length, byName('check')?.status.code]).toEqual([1, 0]);
});

it('nothing of the request is in a span but the names of the configuration', async () => {
  const { check, spans } = traced(1);
  const parts = telemetryWith({ traceparent: PARENT });
  await check(parts);
  const said = JSON.stringify(spans.map(({ attributes, name, events }) => [name, attributes, events]));
  const sent = parts.headers.filter(([, value]) => value.length > 12 && value !== IDENTITY);
  expect(sent.length).toBeGreaterThan(3);
  for (const [, value] of sent) expect(said).not.toContain(String(value));
});

it('a fault of ours is one of the span', async () => {
  const { check, audit, byName } = traced(1);
  audit.failing = true;
  const response = await check(telemetryParts());
  expect([metadataCode(response), byName('check')?.status.code]).toEqual(['audit_unavailable', 2]);
});

it('a flood of checks that ask for it is bounded', async () => {
  const spans: ReadableSpan[] = [];
  const sampling = new Sampling({ share: 1, tracesPerSecond: 5, monotonicMs: () => 0 });
  const service = { name: 'countersign', instance: 'pod-1', version: '1' };
  const tracing = new Spans({ sampling, service, ended: (span) => void spans.push(span) });
  const { check } = fakeService({ tracing });
  for (let at = 0; at < 200; at++) await check({ ...telemetryParts(), peerCertificate: 'missing' });
  expect([spans.length, sampling.limited]).toEqual([5, 195]);
});
