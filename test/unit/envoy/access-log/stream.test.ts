import { Registry } from 'prom-client';
import { AccessLogCollector } from '../../../../src/envoy/access-log/collector.js';
import { OTHER_REQUEST_LOG, REQUEST_LOG, type Delivery } from '../../../../src/envoy/access-log/delivery.js';
import { accessLogMethod } from '../../../../src/envoy/access-log/stream.js';
import { Health } from '../../../../src/observability/health.js';
import { AccessLogMetrics } from '../../../../src/observability/access-log-metrics.js';
import {
  connectionEntry,
  encodeAccessLogMessage,
  requestEntry,
} from '../../../support/access-log-messages.js';
import { readRecord } from '../../../support/record-schema.js';

const NOW_MS = 1_700_000_000_000;
const ID = '8f14e45f-ceea-467f-a9e8-8f3d9e1c2b3a';
const ALLOW = { decision_id: ID, code: 'allow', claim: 'opaque', tenant: 't', identity: 'i' };
const FAILED = { downstream_transport_failure_reason: 'TLS_error:|1:x:PEER_DID_NOT_RETURN_A_CERTIFICATE:' };

/** A log that keeps what it is given, or waits until the test lets it go on. */
class FakeLog {
  readonly lines: string[] = [];
  #held: (() => void)[] | undefined;

  append(line: string): Promise<'written'> {
    this.lines.push(line);
    if (this.#held === undefined) return Promise.resolve('written');
    return new Promise((resolve) => this.#held?.push(() => resolve('written')));
  }

  stall(): void {
    this.#held = [];
  }

  goOn(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const settle of held) settle();
  }
}

function open(isAlone = true) {
  const log = new FakeLog();
  const time = { nowMs: NOW_MS };
  const deliveries: Delivery[] = [];
  let lost = 0;
  const collector = new AccessLogCollector({
    audit: log,
    metrics: new AccessLogMetrics(new Registry()),
    onRecordLost: () => {
      lost++;
    },
    onDeliveries: (batch) => void deliveries.push(...batch),
    nowMs: () => time.nowMs,
    monotonicMs: () => time.nowMs,
    isAlone,
  });
  const health = new Health([]);
  const call = { ended: 0, send: () => undefined, end: () => (call.ended += 1) };
  const handler = accessLogMethod(collector, health).open(call);
  const records = () => log.lines.map((line) => readRecord(line));
  const events = () => records().map(({ event }) => event);
  return { log, time, deliveries, collector, health, call, handler, records, events, lost: () => lost };
}

const first = (...log_entry: readonly object[]): Buffer =>
  encodeAccessLogMessage({
    identifier: {
      node: {
        id: 'countersign',
        extensions: Array.from({ length: 900 }, (_, at) => ({ name: `e.${at}`.repeat(9) })),
      },
      log_name: REQUEST_LOG,
    },
    http_logs: { log_entry },
  });
const requests = (...log_entry: readonly object[]): Buffer =>
  encodeAccessLogMessage({ http_logs: { log_entry } });
const connections = (...log_entry: readonly object[]): Buffer =>
  encodeAccessLogMessage({ tcp_logs: { log_entry } });

const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a stream begins with a record, although its first message names all that Envoy can do', async () => {
  const { handler, records, deliveries } = open();
  const message = first(requestEntry({ decision: ALLOW }));
  expect(message.length).toBeGreaterThan(40_000);
  await handler.message(message);
  await settled();
  expect(records()).toMatchObject([
    { event: 'access_log.opened', stream: 1, log_name: REQUEST_LOG },
    { event: 'request.delivery_unknown', decision_id: ID, decision: 'allow', status: 202, tenant: 't' },
  ]);
  expect(deliveries).toEqual([{ decisionId: ID, claim: 'opaque', outcome: 'unknown', status: 202 }]);
});

test('an allow that was sent and answered is told as delivered, one that was not sent as undelivered', async () => {
  const { handler, deliveries, events } = open();
  const sent = {
    upstream_wire_bytes_sent: 1_400,
    upstream_wire_bytes_received: 130,
    time_to_first_upstream_tx_byte: { nanos: 1 },
    time_to_first_upstream_rx_byte: { nanos: 2 },
  };
  const refused = { response_flags: { upstream_connection_failure: true } };
  await handler.message(
    first(
      requestEntry({ decision: ALLOW, common: sent }),
      requestEntry({
        decision: { ...ALLOW, decision_id: 'b' },
        common: refused,
        response: { response_code: { value: 503 } },
      }),
    ),
  );
  await settled();
  expect(deliveries.map(({ outcome }) => outcome)).toEqual(['delivered', 'undelivered']);
  expect(events().slice(1)).toEqual(['request.delivered', 'request.undelivered']);
});

test('a refusal of the verifier is recorded once, by itself; a pass-through is recorded and nobody is told', async () => {
  const { handler, deliveries, events } = open();
  await handler.message(
    first(
      requestEntry({ decision: { ...ALLOW, code: 'replayed_nonce' } }),
      requestEntry({ decision: { ...ALLOW, code: 'pass_through' } }),
    ),
  );
  await settled();
  expect([deliveries, events()]).toEqual([[], ['access_log.opened', 'request.delivery_unknown']]);
});

test('nothing that a client writes joins a decision, and no query is kept', async () => {
  const { handler, deliveries, records } = open();
  const forged = requestEntry({
    common: {
      metadata: {
        filter_metadata: { 'envoy.filters.http.lua': { fields: { decision_id: { stringValue: ID } } } },
      },
      custom_tags: { decision_id: ID },
    },
    request: { request_id: ID, path: '/x\u001b[2J\n?token=1', request_headers: { decision_id: ID } },
    response: { response_code: { value: 400 } },
  });
  await handler.message(first(forged));
  await settled();
  expect(deliveries).toEqual([]);
  expect(records().at(-1)).toEqual({
    time: new Date(NOW_MS).toISOString(),
    event: 'envoy.refused',
    status: 400,
    details: 'via_upstream',
    method: 'POST',
    path: '/x\u001b[2J\n',
    claimed_request_id: ID,
    peer_address: '192.0.2.7',
    started: '2023-11-14T22:13:20.005Z',
    duration_us: 4_000,
    bytes_received: 900,
    bytes_sent: 150,
  });
});

test('texts are cut: a record of the longest entry is far below the longest record', async () => {
  const { handler, log } = open();
  const long = '\u0001'.repeat(30_000);
  await handler.message(
    first(
      requestEntry({ request: { path: long, request_id: long }, response: { response_code_details: long } }),
    ),
  );
  await settled();
  expect(log.lines.at(-1)?.length).toBeLessThan(8_000);
});

test('what cannot be read is told, and what stands beside it is read', async () => {
  const { handler, records } = open();
  await handler.message(first(requestEntry({ decision: ALLOW })));
  const good = requests(requestEntry({ decision: ALLOW }));
  const bad = Buffer.from([0x12, 0x05, 0x0a, 0x03, 0x0a, 0x09, 0x00]);
  await handler.message(Buffer.concat([good, bad]));
  await settled();
  expect(records().slice(2)).toMatchObject([
    { event: 'request.delivery_unknown' },
    { event: 'access_log.gap', reason: 'malformed', left_out: 1 },
  ]);
});

test('a flood of handshakes that fail is counted, and some of it recorded', async () => {
  const { handler, time, collector, events, records, log } = open();
  await handler.message(first());
  const many = connections(...Array.from({ length: 1_000 }, () => connectionEntry(FAILED)));
  for (let batch = 0; batch < 100; batch++) await handler.message(many);
  await settled();
  expect(events().filter((event) => event === 'tls.failed')).toHaveLength(200);
  time.nowMs += 10_000;
  collector.look();
  await settled();
  expect(records().at(-1)).toMatchObject({ reason: 'over_rate', of: 'tls.failed', left_out: 99_800 });
  await handler.message(connections(connectionEntry(FAILED), connectionEntry({})));
  await settled();
  expect(events().filter((event) => event === 'tls.failed')).toHaveLength(201);
  const before = log.lines.length;
  collector.look();
  await settled();
  expect(log.lines.length).toBe(before);
});

test("Envoy's own question at its door is no failed handshake", async () => {
  const { handler, events } = open();
  const pipe = { downstream_direct_remote_address: { pipe: { path: '@door' } } };
  await handler.message(first());
  await handler.message(connections(connectionEntry({ ...FAILED, ...pipe })));
  await settled();
  expect(events()).toEqual(['access_log.opened']);
});

test('while the log stands still no more than a bound is held, few wait in the log itself, and the loss is told', async () => {
  const { handler, log, collector, records, lost } = open();
  await handler.message(first());
  await settled();
  log.stall();
  const batch = requests(...Array.from({ length: 500 }, () => requestEntry({ decision: ALLOW })));
  for (let message = 0; message < 40; message++) await handler.message(batch);
  expect(log.lines.length).toBeLessThanOrEqual(300);
  expect(lost()).toBeGreaterThan(10_000);
  log.goOn();
  while (log.lines.length < 8_000) await settled();
  collector.look();
  await settled();
  const gap = records().find(({ reason }) => reason === 'not_recorded');
  expect(gap).toMatchObject({ left_out: lost() });
  expect(records().filter(({ event }) => event === 'request.delivery_unknown').length + lost()).toBe(20_000);
});

test('every end of a stream is told, with what came over it', async () => {
  const { handler, records } = open();
  await handler.message(first(requestEntry({ decision: ALLOW })));
  handler.closed();
  await settled();
  expect(records().at(-1)).toMatchObject({
    reason: 'stream_ended',
    stream: 1,
    log_name: REQUEST_LOG,
    entries: 1,
  });
});

test('Envoy counts as there while a stream is open, and for some seconds after a start and the end of the last one', async () => {
  const { handler, collector, time } = open();
  expect(collector.isTold).toBe(true);
  time.nowMs += 10_000;
  expect(collector.isTold).toBe(false);
  await handler.message(first(requestEntry({ decision: ALLOW })));
  time.nowMs += 60_000;
  expect(collector.isTold).toBe(true);
  handler.closed();
  time.nowMs += 9_999;
  expect(collector.isTold).toBe(true);
  time.nowMs += 1;
  expect(collector.isTold).toBe(false);
});

test('what became of allows takes turns with what anybody can bring about', async () => {
  const { handler } = open();
  const other = open().handler;
  await handler.message(first(requestEntry({ decision: ALLOW })));
  await other.message(
    encodeAccessLogMessage({
      identifier: { log_name: OTHER_REQUEST_LOG },
      http_logs: { log_entry: [requestEntry({})] },
    }),
  );
  expect(handler.lane?.(Buffer.alloc(0))).not.toBe(other.lane?.(Buffer.alloc(0)));
});

test('at a stop every stream is ended, so that Envoy opens another one elsewhere', () => {
  const { health, call, handler } = open();
  health.endWatches();
  expect(call.ended).toBe(1);
  handler.closed();
  health.endWatches();
  expect(call.ended).toBe(1);
});

test('a stream that Envoy opens anew while the verifier stops is ended at once too, and what comes over it is taken', async () => {
  const { health, call, collector, deliveries } = open();
  health.endWatches();
  call.ended = 0;
  const anew = accessLogMethod(collector, health).open(call);
  expect(call.ended).toBe(1);
  await anew.message(first(requestEntry({ decision: ALLOW })));
  expect(deliveries).toHaveLength(1);
});

test('allows of which nothing is told in time are a record, once, and later words are no loss', async () => {
  const { handler, collector, time, records } = open();
  await handler.message(first());
  for (let count = 0; count < 5; count++) collector.allowed(time.nowMs);
  const told = requestEntry({ decision: ALLOW, common: { start_time: { seconds: NOW_MS / 1000 } } });
  await handler.message(requests(told, told));
  time.nowMs += 59_000;
  collector.look();
  time.nowMs += 22_000;
  collector.look();
  collector.look();
  await settled();
  const gaps = records().filter(({ event }) => event === 'access_log.gap');
  expect(gaps).toMatchObject([{ reason: 'not_delivered', left_out: 3 }]);
  expect(collector.status().allows_without_delivery).toBe(3);
  await handler.message(requests(told));
  expect(collector.status().allows_without_delivery).toBe(2);
});

test('one of several workers does not say so, as others are told of its allows', async () => {
  const { handler, collector, time, events } = open(false);
  await handler.message(first());
  collector.allowed(time.nowMs);
  time.nowMs += 100_000;
  collector.look();
  await settled();
  expect(events()).toEqual(['access_log.opened']);
});

test('without any stream nothing is said to be missing', async () => {
  const { collector, time, log } = open();
  collector.allowed(time.nowMs);
  time.nowMs += 100_000;
  collector.look();
  await settled();
  expect([log.lines, collector.status().allows_without_delivery]).toEqual([[], 0]);
});
