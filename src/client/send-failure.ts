/** Why no usable answer came, as one closed union: callers branch on `code` and never read messages. */

/** Every way in which sending fails before there is an answer to judge. */
export type SendFailure =
  /** The URL is not a URL, or holds a user name, or is not https: a signed request never travels in the clear. */
  | { readonly code: 'url_refused'; readonly reason: 'not_a_url' | 'not_https' | 'has_credentials' }
  /** CA, certificate or key cannot be used; `reason` is OpenSSL's. */
  | { readonly code: 'tls_material'; readonly reason: string }
  /** The server's certificate was not accepted by us: `reason` is OpenSSL's or Node's code. */
  | { readonly code: 'server_not_trusted'; readonly reason: string }
  /** The server ended the handshake with an alert: most often it wants another client certificate. */
  | { readonly code: 'refused_in_handshake'; readonly reason: string }
  /** The other end does not speak TLS at all. */
  | { readonly code: 'not_tls' }
  /** No connection: `reason` is the system's code, such as `ECONNREFUSED` or `ENOTFOUND`. */
  | { readonly code: 'no_connection'; readonly reason: string }
  /** The connection broke after it had been made; whether the request was let through is not known. */
  | { readonly code: 'connection_broken'; readonly reason: string }
  /** No whole answer in time; whether the request was let through is not known. */
  | { readonly code: 'timed_out'; readonly timeoutMilliseconds: number }
  /** The answer was longer than the caller wanted to hold. */
  | { readonly code: 'answer_too_large'; readonly maxAnswerBytes: number }
  /** A 3xx. It is not followed: the proof is for the gateway it was made for. */
  | { readonly code: 'redirected'; readonly status: number; readonly location: string | undefined };

const NO_CONNECTION = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
  'EACCES',
]);

/** OpenSSL's verdicts about a certificate (X509_V_ERR_… as Node spells them), and Node's own about its names. */
const NOT_TRUSTED =
  /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|CRL_|HOSTNAME_MISMATCH|INVALID_|PATH_LENGTH|ERR_TLS_CERT_ALTNAME)/;
/** In the name of every alert that the peer has sent, as OpenSSL spells it. */
const PEER_ALERT = 'ALERT';
/** What plain HTTP looks like to a TLS reader. */
const NOT_TLS = /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNKNOWN_PROTOCOL)$/;

/** Sorts what Node's TLS and sockets throw. `connected`: whether the handshake was through on our side. */
export function classifyTransportError(error: unknown, connected: boolean): SendFailure {
  const reason = errorCode(error);
  if (NOT_TRUSTED.test(reason)) return { code: 'server_not_trusted', reason };
  if (NOT_TLS.test(reason)) return { code: 'not_tls' };
  if (
    reason.includes(PEER_ALERT) ||
    (reason === 'EPROTO' && String(error).toUpperCase().includes(PEER_ALERT))
  )
    return { code: 'refused_in_handshake', reason };
  if (!connected && NO_CONNECTION.has(reason)) return { code: 'no_connection', reason };
  return { code: 'connection_broken', reason };
}

/** The `code` of an error of Node or OpenSSL; of several addresses tried, that of the first. */
export function errorCode(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return error instanceof Error ? error.name : 'unknown';
}
