/**
 * `envoy.service.auth.v3.Authorization/Check` as a method of the transport. Messages stay bytes on both sides:
 * the service reads and writes them itself. No gRPC error is ever sent; Envoy's own settings would decide on one.
 */
import type { CallState, UnaryMethod } from '../../grpc/method.js';
import type { CheckService, Front } from '../check/check-service.js';
import { WireReader } from '../wire/reader.js';

export const CHECK_METHOD = '/envoy.service.auth.v3.Authorization/Check';

/** Limits of the configuration that say how long a check is worth anything. */
interface CheckTimeouts {
  /** Stands in for a deadline that did not come with the check, and bounds one that did. */
  readonly checkTimeoutMilliseconds: number;
  /** With less than this left no nonce is claimed, so that nothing is gained by beginning. */
  readonly claimMarginMilliseconds: number;
}

/** Binds the service. */
export function authorizationMethod(
  service: CheckService,
  front: Front<Buffer>,
  { checkTimeoutMilliseconds, claimMarginMilliseconds }: CheckTimeouts,
): UnaryMethod {
  const deadlineMs = ({ arrivedMs, timeoutMilliseconds = checkTimeoutMilliseconds }: CallState): number =>
    arrivedMs + Math.min(timeoutMilliseconds, checkTimeoutMilliseconds);
  return {
    kind: 'unary',
    handle: (message, call) => {
      const { cancelled, traceparent } = call;
      return service.check(message, { cancelled, traceparent, deadlineMs: deadlineMs(call) }, front);
    },
    load: {
      laneOf: peerOf,
      latestBeginMs: (call) => deadlineMs(call) - claimMarginMilliseconds,
      shed: (reason) => service.shed(reason, front),
    },
  };
}

/**
 * Of the percent-encoded PEM its last bytes: the end of the issuer's signature, which differs from certificate to
 * certificate, and `-----END%20CERTIFICATE-----%0A`. The whole would be two kilobytes for every call that waits.
 */
const CERTIFICATE_END_BYTES = 128;

/**
 * Whose check it is, before anything about it is judged, so that one peer's flood waits behind itself: a name for the
 * peer that TLS has authenticated; the same for all who have none, and for what is no CheckRequest.
 * Behind a trusted hop it is the hop's. Says nothing about whether the certificate is pinned.
 */
export function peerOf(message: Buffer): string {
  try {
    return certificateEnd(message) ?? '';
  } catch {
    return '';
  }
}

/** CheckRequest: attributes=1; AttributeContext: source=1; Peer: certificate=5. */
function certificateEnd(message: Buffer): string | undefined {
  const reader = new WireReader(message);
  for (const field of [1, 1]) {
    if (!seek(reader, field)) return undefined;
    reader.enter(reader.start, reader.end);
  }
  if (!seek(reader, 5)) return undefined;
  return message.toString('latin1', Math.max(reader.start, reader.end - CERTIFICATE_END_BYTES), reader.end);
}

function seek(reader: WireReader, field: number): boolean {
  while (reader.next()) if (reader.field === field) return true;
  return false;
}
