/**
 * `envoy.service.auth.v3.Authorization/Check` as a method of the transport. Messages stay bytes on both sides:
 * the service reads and writes them itself. No gRPC error is ever sent; Envoy's own settings would decide on one.
 */
import type { CallState, UnaryMethod } from '../../grpc/method.js';
import type { AuthorizationService } from './authorization-service.js';
import { peerOf } from './check-peer.js';

export const CHECK_METHOD = '/envoy.service.auth.v3.Authorization/Check';

/** Limits of the configuration that say how long a check is worth anything. */
export interface CheckPatience {
  /** Stands in for a deadline that did not come with the check, and bounds one that did. */
  readonly checkTimeoutMilliseconds: number;
  /** With less than this left no nonce is claimed, so that nothing is gained by beginning. */
  readonly claimMarginMilliseconds: number;
}

/** Binds the service. */
export function authorizationMethod(
  service: AuthorizationService,
  { checkTimeoutMilliseconds, claimMarginMilliseconds }: CheckPatience,
): UnaryMethod {
  const deadlineMs = ({ arrivedMs, timeoutMilliseconds = checkTimeoutMilliseconds }: CallState): number =>
    arrivedMs + Math.min(timeoutMilliseconds, checkTimeoutMilliseconds);
  return {
    kind: 'unary',
    handle: (message, call) =>
      service.check(message, { cancelled: call.cancelled, deadlineMs: deadlineMs(call) }),
    load: {
      laneOf: peerOf,
      latestBeginMs: (call) => deadlineMs(call) - claimMarginMilliseconds,
      shed: (reason) => service.shed(reason),
    },
  };
}
