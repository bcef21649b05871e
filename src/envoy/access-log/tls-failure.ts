/** Why a TLS handshake failed, as one of a few words: Envoy's own are BoringSSL's, and a client can bring about any of them. */
import type { ConnectionEntry } from './entry.js';

/** Values of a metric's label and of a record's member. */
export type TlsFailureReason =
  | 'no_certificate'
  | 'certificate_not_accepted'
  | 'protocol_version'
  | 'not_tls'
  | 'ended_by_client'
  | 'timeout'
  | 'other';

/** In this order; names of BoringSSL's error table. `_ALERT_`: the client has sent one, as it does not trust our certificate. */
const BY_NAME: readonly (readonly [RegExp, TlsFailureReason])[] = [
  [/PEER_DID_NOT_RETURN_A_CERTIFICATE/, 'no_certificate'],
  [/CERTIFICATE_VERIFY_FAILED/, 'certificate_not_accepted'],
  [/UNSUPPORTED_PROTOCOL/, 'protocol_version'],
  [/HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER/, 'not_tls'],
  [/_ALERT_|Connection reset/, 'ended_by_client'],
];

/** Envoy's termination detail of `transport_socket_connect_timeout`. */
const TIMED_OUT = 'transport socket timeout was reached';

/** Undefined: the connection was one of TLS, or its client went away before it said anything. */
export function tlsFailureOf({
  transportFailure,
  terminationDetails,
}: ConnectionEntry): TlsFailureReason | undefined {
  if (transportFailure !== '') return BY_NAME.find(([name]) => name.test(transportFailure))?.[1] ?? 'other';
  return terminationDetails === TIMED_OUT ? 'timeout' : undefined;
}
