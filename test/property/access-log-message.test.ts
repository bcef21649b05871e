/** `readAccessLogMessage` against the full decoding by Envoy's definitions. */
import fc from 'fast-check';
import { FLAG, type HttpEntry } from '../../src/envoy/access-log/entry.js';
import { outcomeOf, REQUEST_LOG } from '../../src/envoy/access-log/delivery.js';
import { readAccessLogMessage } from '../../src/envoy/access-log/read-message.js';
import { encodeAccessLogMessage, FullAccessLogMessage } from '../support/access-log-messages.js';

type Members = Readonly<Record<string, unknown>>;
const AUTHZ = 'envoy.filters.http.ext_authz';

const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce<unknown>((inside, name) => (inside as Members | undefined)?.[name], value);
const number = (value: unknown): number => Number(value ?? 0);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Whole parts of a second, as the walk gives them. */
function time(value: unknown, perSecond: number): number | undefined {
  if (value === undefined) return undefined;
  return (
    number(at(value, 'seconds')) * perSecond + Math.floor((number(at(value, 'nanos')) * perSecond) / 1e9)
  );
}

function texts(struct: unknown): Map<string, string> | undefined {
  if (struct === undefined) return undefined;
  const fields = Object.entries((at(struct, 'fields') ?? {}) as Members);
  return new Map(
    fields.flatMap(([key, value]) => {
      const found = at(value, 'stringValue');
      return typeof found === 'string' ? [[key, found] as const] : [];
    }),
  );
}

/** What the walk must have found of a request, said a second time from the decoded entry. */
function expected(entry: unknown): Partial<HttpEntry> {
  const common = at(entry, 'common_properties');
  const flags = (at(common, 'response_flags') ?? {}) as Members;
  const fields = FullAccessLogMessage.root.lookupType('envoy.data.accesslog.v3.ResponseFlags').fields;
  const status = at(entry, 'response', 'response_code', 'value');
  return {
    type: number(at(common, 'access_log_type')),
    startMs: time(at(common, 'start_time'), 1000),
    durationUs: time(at(common, 'duration'), 1e6),
    upstreamFirstSentUs: time(at(common, 'time_to_first_upstream_tx_byte'), 1e6),
    upstreamFirstReceivedUs: time(at(common, 'time_to_first_upstream_rx_byte'), 1e6),
    upstreamLastReceivedUs: time(at(common, 'time_to_last_upstream_rx_byte'), 1e6),
    flags: Object.entries(flags).reduce(
      (bits, [name, value]) => (value === false ? bits : bits | (1 << (fields[name]?.id ?? 0))),
      0,
    ),
    decision: texts(at(common, 'metadata', 'filter_metadata', AUTHZ)),
    bytesSent: number(at(common, 'downstream_wire_bytes_sent')),
    bytesReceived: number(at(common, 'downstream_wire_bytes_received')),
    upstreamBytesSent: number(at(common, 'upstream_wire_bytes_sent')),
    upstreamBytesReceived: number(at(common, 'upstream_wire_bytes_received')),
    upstreamHeaderBytesSent: number(at(entry, 'request', 'upstream_header_bytes_sent')),
    attempts: number(at(common, 'upstream_request_attempt_count')),
    transportFailure: text(at(common, 'downstream_transport_failure_reason')),
    terminationDetails: text(at(common, 'connection_termination_details')),
    path: text(at(entry, 'request', 'path')).replace(/\?[^]*$/, ''),
    requestId: text(at(entry, 'request', 'request_id')),
    status: status === undefined && at(entry, 'response', 'response_code') === undefined ? undefined : status,
    codeDetails: text(at(entry, 'response', 'response_code_details')),
  } as Partial<HttpEntry>;
}

const word = fc.string({ unit: 'grapheme-ascii', maxLength: 12 });
const key = word.filter((value) => value !== '__proto__');
const optional = { requiredKeys: [] };
const count = fc.oneof(fc.constant(0), fc.nat(), fc.maxSafeInteger().map(Math.abs));
const duration = fc.record({ seconds: fc.nat(100), nanos: fc.nat(999_999_999) }, optional);
const flagNames = Object.values(
  FullAccessLogMessage.root.lookupType('envoy.data.accesslog.v3.ResponseFlags').fields,
).map(({ name }) => name);
const flags = fc
  .subarray(flagNames, { maxLength: 4 })
  .map((names) =>
    Object.fromEntries(names.map((name) => [name, name === 'unauthorized_details' ? { reason: 1 } : true])),
  );
const value = fc.oneof(
  fc.record({ stringValue: word }),
  fc.record({ numberValue: fc.double() }),
  fc.constant({ structValue: { fields: { code: { stringValue: 'allow' } } } }),
);
const struct = fc.record({
  fields: fc.dictionary(fc.oneof(fc.constantFrom('code', 'decision_id', 'claim'), key), value),
});
const common = fc.record(
  {
    sample_rate: fc.double({ noNaN: true }),
    start_time: duration,
    time_to_last_rx_byte: duration,
    time_to_first_upstream_tx_byte: duration,
    time_to_last_upstream_tx_byte: duration,
    time_to_first_upstream_rx_byte: duration,
    time_to_last_upstream_rx_byte: duration,
    duration,
    response_flags: flags,
    metadata: fc.record({
      filter_metadata: fc.dictionary(fc.oneof(fc.constantFrom(AUTHZ, 'other'), key), struct, { maxKeys: 3 }),
    }),
    upstream_request_attempt_count: fc.nat(20),
    connection_termination_details: word,
    downstream_transport_failure_reason: word,
    downstream_wire_bytes_sent: count,
    downstream_wire_bytes_received: count,
    upstream_wire_bytes_sent: count,
    upstream_wire_bytes_received: count,
    access_log_type: fc.nat(13),
    custom_tags: fc.dictionary(key, word, { maxKeys: 2 }),
    route_name: word,
  },
  optional,
);
const request = fc.record(
  { path: word, request_id: word, upstream_header_bytes_sent: count, user_agent: word, authority: word },
  optional,
);
const response = fc.record(
  { response_code: fc.record({ value: fc.integer({ min: 100, max: 599 }) }), response_code_details: word },
  optional,
);
const entries = fc.array(fc.record({ common_properties: common, request, response }, optional), {
  maxLength: 4,
});
const message = fc.record(
  {
    identifier: fc.record({ log_name: word, node: fc.record({ id: word }) }, optional),
    http_logs: fc.record({ log_entry: entries }),
  },
  optional,
);

test('finds what the full definitions find', () => {
  fc.assert(
    fc.property(message, (some) => {
      const encoded = encodeAccessLogMessage(some);
      const decoded = FullAccessLogMessage.toObject(FullAccessLogMessage.decode(encoded), { longs: Number });
      const read = readAccessLogMessage(encoded);
      const whole = (at(decoded, 'http_logs', 'log_entry') ?? []) as readonly unknown[];
      expect(read.malformed).toBe(0);
      expect(read.requests).toHaveLength(whole.length);
      for (const [index, entry] of whole.entries())
        expect(read.requests[index]).toMatchObject(expected(entry));
    }),
    { numRuns: 300 },
  );
});

test('never throws on mutated or arbitrary bytes, and never calls one undelivered that says a byte was sent', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 4 });
  const mutated = fc.tuple(message, flips).map(([some, changes]) => {
    const encoded = encodeAccessLogMessage(some);
    for (const [index, mask] of changes) if (encoded.length > 0) encoded[index % encoded.length]! ^= mask;
    return encoded;
  });
  const arbitrary = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(mutated, arbitrary), (bytes) => {
      for (const entry of readAccessLogMessage(bytes).requests) {
        if (outcomeOf(entry, REQUEST_LOG) !== 'undelivered') continue;
        expect([entry.upstreamBytesSent, entry.upstreamHeaderBytesSent, entry.upstreamFirstSentUs]).toEqual([
          0,
          0,
          undefined,
        ]);
        expect(entry.flags & (FLAG.UF | FLAG.UH)).not.toBe(0);
      }
    }),
    { numRuns: 1_500 },
  );
});
