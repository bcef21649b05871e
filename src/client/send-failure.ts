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
  /** The answer was longer than the caller wanted to hold: the request may have been let through. */
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
/** What plain text looks like to a reader of TLS. */
const NOT_TLS = /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNKNOWN_PROTOCOL/;

/**
 * Sorts what Node's TLS and sockets throw. `connected`: whether the handshake was through on our side; in TLS 1.3
 * that is before the server has judged our certificate.
 */
export function classifyTransportError(error: unknown, connected: boolean): SendFailure {
  const reason = errorCode(error);
  const opensslName = opensslNameOf(error, reason);
  if (NOT_TRUSTED.test(reason)) return { code: 'server_not_trusted', reason };
  if (NOT_TLS.test(opensslName)) return { code: 'not_tls' };
  if (opensslName.includes(PEER_ALERT)) return { code: 'refused_in_handshake', reason: opensslName };
  if (!connected && NO_CONNECTION.has(reason)) return { code: 'no_connection', reason };
  return { code: 'connection_broken', reason };
}

const MAX_NAME_LENGTH = 60;

/** Node names OpenSSL's errors by code (`ERR_SSL_…`) or, as `EPROTO`, in the message: `error:0A…:…:wrong version number:…`. */
function opensslNameOf(error: unknown, code: string): string {
  if (code.startsWith('ERR_SSL_')) return code;
  if (code !== 'EPROTO' || typeof error !== 'object' || error === null || !('message' in error)) return '';
  const part = /:SSL routines:[^:]*:([^:]+)/.exec(String(error.message))?.[1] ?? '';
  return part.slice(0, MAX_NAME_LENGTH).toUpperCase().replaceAll(' ', '_');
}

/** The `code` of an error of Node or OpenSSL; of several addresses tried, that of the first. */
export function errorCode(error: unknown): string {
  if (typeof error !== 'object' || error === null) return 'unknown';
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0)
    return errorCode(error.errors[0]);
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'name' in error && typeof error.name === 'string' ? error.name : 'unknown';
}
