/** StreamAccessLogsMessages written by Envoy's full definitions, not by our own code. */
import { loadEnvoyDefinitions } from './envoy-definitions.js';
import { textStruct } from './processing-messages.js';

const full = loadEnvoyDefinitions('envoy/service/accesslog/v3/als.proto');
export const FullAccessLogMessage = full.lookupType('envoy.service.accesslog.v3.StreamAccessLogsMessage');

/** Serialises a message given as a plain object with the field names of the definitions. */
export function encodeAccessLogMessage(message: Record<string, unknown>): Buffer {
  return Buffer.from(FullAccessLogMessage.encode(FullAccessLogMessage.fromObject(message)).finish());
}

/** What a test changes of an entry. */
interface EntryParts {
  /** Under the verifier's namespace; undefined: it was not asked. */
  readonly decision?: Readonly<Record<string, string>> | undefined;
  readonly common?: Readonly<Record<string, unknown>>;
  readonly request?: Readonly<Record<string, unknown>>;
  readonly response?: Readonly<Record<string, unknown>>;
}

const address = (ip: string) => ({ socket_address: { address: ip, port_value: 40_000 } });

/** An entry as Envoy writes it of a request that was answered. */
export function requestEntry({ decision, common, request, response }: EntryParts): object {
  return {
    common_properties: {
      downstream_direct_remote_address: address('192.0.2.7'),
      start_time: { seconds: 1_700_000_000, nanos: 5_000_000 },
      duration: { nanos: 4_000_000 },
      access_log_type: 6,
      downstream_wire_bytes_sent: 150,
      downstream_wire_bytes_received: 900,
      metadata: {
        filter_metadata:
          decision === undefined ? {} : { 'envoy.filters.http.ext_authz': textStruct(decision) },
      },
      ...common,
    },
    request: { request_method: 'POST', path: '/a?q=1', user_agent: 'x'.repeat(100), ...request },
    response: { response_code: { value: 202 }, response_code_details: 'via_upstream', ...response },
  };
}

/** An entry of a connection. */
export function connectionEntry(common: Readonly<Record<string, unknown>>): object {
  return {
    common_properties: { downstream_direct_remote_address: address('192.0.2.7'), ...common },
    connection_properties: {},
  };
}
