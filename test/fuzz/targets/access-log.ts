/** Messages of Envoy's access log: never an exception, and never a request given back of which a byte was sent. */
import { outcomeOf, REQUEST_LOG } from '../../../src/envoy/access-log/delivery.js';
import {
  deliveryRecord,
  refusalRecord,
  tlsFailureRecord,
} from '../../../src/envoy/access-log/entry-records.js';
import { readAccessLogMessage } from '../../../src/envoy/access-log/read-message.js';
import type { Chance } from '../../property/json-documents.js';
import { connectionEntry, encodeAccessLogMessage, requestEntry } from '../../support/access-log-messages.js';
import { mutate } from '../mutate.js';
import { checkEach, type Target } from '../target.js';
import { mutateFields } from '../wire.js';

const ALLOW = { decision_id: '8f14e45f-ceea-467f-a9e8-8f3d9e1c2b3a', code: 'allow', claim: 'opaque' };
const AWAY = { response_flags: { upstream_connection_failure: true } };
/** A record may have no more (docs/operations.md#records). */
const MAX_RECORD_BYTES = 65_535;

function makeMessage(chance: Chance): Buffer {
  const common = chance.below(2) === 0 ? AWAY : { upstream_wire_bytes_sent: chance.below(3), ...AWAY };
  const response = { response_code: { value: chance.pick([503, 202, 504]) } };
  const request = requestEntry({ decision: chance.below(4) > 0 ? ALLOW : undefined, common, response });
  const message = encodeAccessLogMessage(
    chance.below(4) === 0
      ? { tcp_logs: { log_entry: [connectionEntry({ downstream_transport_failure_reason: 'x' })] } }
      : { identifier: { log_name: REQUEST_LOG }, http_logs: { log_entry: [request, request] } },
  );
  if (chance.below(8) === 0) return message;
  return chance.below(3) === 0 ? mutate(chance, message) : mutateFields(chance, message);
}

function wrong(input: Buffer): string | undefined {
  const { requests, connections } = readAccessLogMessage(input);
  const lines = connections.map((entry) => tlsFailureRecord(entry, 'other', 0));
  for (const entry of requests) {
    const outcome = outcomeOf(entry, REQUEST_LOG);
    const { upstreamBytesSent, upstreamHeaderBytesSent, upstreamFirstSentUs } = entry;
    if (
      outcome === 'undelivered' &&
      (upstreamBytesSent > 0 || upstreamHeaderBytesSent > 0 || upstreamFirstSentUs !== undefined)
    )
      return 'gave back what was sent';
    lines.push(deliveryRecord(entry, { decisionId: 'x', outcome, nowMs: 0 }), refusalRecord(entry, 0));
  }
  for (const line of lines) {
    if (line.indexOf('\n') !== line.length - 1) return `more than a line: ${line}`;
    if (Buffer.byteLength(line) > MAX_RECORD_BYTES) return 'a record that is too long';
    JSON.parse(line);
  }
  return undefined;
}

export function accessLogTarget(): Target {
  return { name: 'access-log', make: makeMessage, check: (inputs) => checkEach(inputs, wrong) };
}
