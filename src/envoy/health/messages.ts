/** The two messages of grpc.health.v1, read and written field by field; tests hold both against proto/grpc/health/v1. */
import { WireReader } from '../wire/reader.js';
import { bytes, field, integer, text } from '../wire/writer.js';

export const CHECK_METHOD = '/grpc.health.v1.Health/Check';
export const WATCH_METHOD = '/grpc.health.v1.Health/Watch';

/** HealthCheckResponse.ServingStatus, as far as we answer it. */
export const SERVING_STATUS = { SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
export type ServingStatus = keyof typeof SERVING_STATUS;

/**
 * A field of ours in HealthCheckResponse: why the answer is no, for people who ask over the socket. Envoy and every
 * other reader of grpc.health.v1 skip a field that they do not know (Protocol Buffers, *Unknown Fields*).
 */
const REASON_FIELD = 15;

/** HealthCheckResponse: status=1, and our reason. */
export interface HealthCheckResponse {
  /** A number of `SERVING_STATUS`, from a verifier. */
  readonly status: number;
  readonly reason: string | undefined;
}

/** HealthCheckRequest: service=1, absent for the whole process. */
export function encodeHealthRequest(service: string): Buffer {
  return bytes(service === '' ? '' : field(1, text(service)));
}

/** The service that is asked for. Throws a RangeError on what is no message. */
export function readHealthRequest(message: Buffer): string {
  const reader = new WireReader(message);
  let service = '';
  while (reader.next()) if (reader.field === 1) service = reader.utf8();
  return service;
}

export function encodeHealthResponse(status: ServingStatus, reason?: string): Buffer {
  const why = reason === undefined ? '' : field(REASON_FIELD, text(reason));
  return bytes(integer(1, SERVING_STATUS[status]) + why);
}

/** Throws a RangeError on what is no message. */
export function readHealthResponse(message: Buffer): HealthCheckResponse {
  const reader = new WireReader(message);
  let status = 0;
  let reason: string | undefined;
  while (reader.next()) {
    if (reader.field === 1) status = reader.value;
    else if (reader.field === REASON_FIELD) reason = reader.utf8();
  }
  return { status, reason };
}
