/**
 * `envoy.service.auth.v3.Authorization/Check` on grpc-js. Messages stay bytes on both sides: the service reads
 * and writes them itself. No gRPC error is ever sent; Envoy's own settings would decide on one.
 */
import { performance } from 'node:perf_hooks';
import type {
  ServerUnaryCall,
  ServiceDefinition,
  UntypedServiceImplementation,
  sendUnaryData,
} from '@grpc/grpc-js';
import type { AuthorizationService, CheckCall } from './authorization-service.js';

const identity = (bytes: Buffer): Buffer => bytes;

/** The service with the identity as its (de)serialiser. */
export const AUTHORIZATION_DEFINITION: ServiceDefinition = {
  check: {
    path: '/envoy.service.auth.v3.Authorization/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: identity,
    requestDeserialize: identity,
    responseSerialize: identity,
    responseDeserialize: identity,
  },
};

/** Binds the service; `checkTimeoutMilliseconds` stands in for a deadline that did not come with the check. */
export function authorizationHandlers(
  service: AuthorizationService,
  checkTimeoutMilliseconds: number,
): UntypedServiceImplementation {
  return {
    check: (call: ServerUnaryCall<Buffer, Uint8Array>, reply: sendUnaryData<Uint8Array>): void => {
      void service
        .check(call.request, checkCall(call, checkTimeoutMilliseconds))
        .then((response) => reply(null, response));
    },
  };
}

/** grpc-js keeps the deadline as wall-clock time; it is turned into monotonic time at once. */
function checkCall(call: ServerUnaryCall<Buffer, Uint8Array>, checkTimeoutMilliseconds: number): CheckCall {
  const left = Number(call.getDeadline()) - Date.now();
  const remaining = Number.isFinite(left)
    ? Math.min(left, checkTimeoutMilliseconds)
    : checkTimeoutMilliseconds;
  return { cancelled: () => call.cancelled, deadlineMs: performance.now() + remaining };
}
