/**
 * `envoy.service.auth.v3.Authorization/Check` as a method of the transport. Messages stay bytes on both sides:
 * the service reads and writes them itself. No gRPC error is ever sent; Envoy's own settings would decide on one.
 */
import type { UnaryMethod } from '../grpc/method.js';
import type { AuthorizationService } from './authorization-service.js';

export const CHECK_METHOD = '/envoy.service.auth.v3.Authorization/Check';

/** Binds the service; `checkTimeoutMilliseconds` stands in for a deadline that did not come with the check, and bounds one that did. */
export function authorizationMethod(
  service: AuthorizationService,
  checkTimeoutMilliseconds: number,
): UnaryMethod {
  return {
    kind: 'unary',
    handle: (message, { cancelled, arrivedMs, timeoutMilliseconds = checkTimeoutMilliseconds }) => {
      const remaining = Math.min(timeoutMilliseconds, checkTimeoutMilliseconds);
      return service.check(message, { cancelled, deadlineMs: arrivedMs + remaining });
    },
  };
}
