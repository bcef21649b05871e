/** Sending a signed request over mutual TLS from Node. The portable half is `sign-request.ts`. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { checkServerIdentity, createSecureContext, type SecureContextOptions } from 'node:tls';
import { trusting, type TrustingOptions } from '../crypto/tls-client.js';
import { classifyTransportError, errorCode, type SendFailure } from './send-failure.js';

/** Eight seconds is what producers in the field wait. */
const DEFAULT_TIMEOUT_MILLISECONDS = 8_000;
/** Answers of the federation are far smaller; a feedback answer of 1,000 adjustments has about 700 kB. */
const DEFAULT_MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** PEM texts of the mutual TLS connection. */
export interface ClientTls {
  /** CA of the server. No other is trusted, the system's neither; without a certificate in it nothing is sent. */
  readonly ca: string | Uint8Array;
  /** Our certificate, with its chain where it has one. */
  readonly certificate: string | Uint8Array;
  /** Its private key. */
  readonly privateKey: string | Uint8Array;
}

/** One request, signed and complete. */
export interface SendOptions {
  /** `https` only. */
  readonly url: string;
  /** Default `POST`. */
  readonly method?: string | undefined;
  /** Of `signRequest`, and any others such as `content-type`; `content-length` is set here. */
  readonly headers: Readonly<Record<string, string>>;
  /** The very bytes that were signed. */
  readonly body: Uint8Array;
  readonly tls: ClientTls;
  /** From the start to the last byte of the answer. Default 8,000. */
  readonly timeoutMilliseconds?: number | undefined;
  /** Default 4 MiB. */
  readonly maxAnswerBytes?: number | undefined;
}

/** What came of it. `answered` covers refusals too: look at `accepted`, then at `parseRefusal(answer.body)`. */
export type SendOutcome =
  | { readonly kind: 'answered'; readonly accepted: boolean; readonly answer: CollectedAnswer }
  | { readonly kind: 'failed'; readonly failure: SendFailure };

/**
 * Sends once: no retry, no redirect followed, a connection of its own, TLS 1.2 at least (the gateway wants 1.3). No
 * variable of the environment weakens how the server is verified.
 * Never rejects for what the network or the server does; every failure is a value.
 *
 * A 429 or 503 of the gateway (`answerDecision` says `refused` or `undecided`) let nothing through: send the same bytes
 * again, nonce included. After any other 5xx, a time-out or a broken connection the application may have got the
 * request or not. The same bytes may be sent then too, after a pause: if the first copy may have been delivered, the second gets
 * a 409 that names it, with the status that it was answered with once that is known; if nothing of it could be sent, the second is let in.
 */
export async function sendSigned(options: SendOptions): Promise<SendOutcome> {
  const url = acceptedUrl(options.url);
  if ('code' in url) return failed(url);
  const tls = acceptedTls(options.tls);
  if ('code' in tls) return failed(tls);
  const result = await exchange(url.url, tls.secure, options);
  if ('code' in result) return failed(result);
  const { status } = result;
  if (status >= 300 && status < 400)
    return failed({ code: 'redirected', status, location: result.headers.get('location') });
  return { kind: 'answered', accepted: status >= 200 && status < 300, answer: result };
}

function failed(failure: SendFailure): SendOutcome {
  return { kind: 'failed', failure };
}

function acceptedUrl(text: string): { readonly url: URL } | SendFailure {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return { code: 'url_refused', reason: 'not_a_url' };
  if (url.protocol !== 'https:') return { code: 'url_refused', reason: 'not_https' };
  if (url.username !== '' || url.password !== '') return { code: 'url_refused', reason: 'has_credentials' };
  return { url };
}

/** As OpenSSL names it for keys of one kind. */
const KEY_MISMATCH = 'ERR_OSSL_X509_KEY_VALUES_MISMATCH';

/** Tried out before the request, so that a bad file is told apart from a bad network. */
function acceptedTls(tls: ClientTls): { readonly secure: SecureOptions } | SendFailure {
  try {
    const secure = { ...trusting(asPem(tls.ca)), cert: asPem(tls.certificate), key: asPem(tls.privateKey) };
    createSecureContext(secure);
    // OpenSSL compares keys of one kind alone; with a key of another kind it would show no certificate, and say nothing.
    const isPair = new X509Certificate(secure.cert).checkPrivateKey(createPrivateKey(secure.key));
    return isPair ? { secure } : { code: 'tls_material', reason: KEY_MISMATCH };
  } catch (error) {
    return { code: 'tls_material', reason: errorCode(error) };
  }
}

type SecureOptions = SecureContextOptions & TrustingOptions;

function asPem(pem: string | Uint8Array): string {
  return typeof pem === 'string' ? pem : Buffer.from(pem).toString('latin1');
}

/** One deadline over everything: a trickling server must not outlast it, as it could an idle time-out. */
function exchange(
  url: URL,
  secure: SecureOptions,
  options: SendOptions,
): Promise<CollectedAnswer | SendFailure> {
  const timeoutMilliseconds = options.timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS;
  return new Promise((resolve) => {
    let connected = false;
    let answered = false;
    const request = startRequest(url, secure, options);
    const settle = (result: CollectedAnswer | SendFailure): void => {
      clearTimeout(deadline);
      request.destroy();
      resolve(result);
    };
    const deadline = setTimeout(
      () => settle({ code: 'timed_out', timeoutMilliseconds }),
      timeoutMilliseconds,
    );
    request.once('socket', (socket) => socket.once('secureConnect', () => (connected = true)));
    request.on('error', (error) => {
      // A server may answer and hang up while we still write a large body: then its answer counts.
      if (!answered) settle(classifyTransportError(error, connected));
    });
    request.once('response', (response: IncomingMessage) => {
      answered = true;
      void collectAnswer(response, options.maxAnswerBytes ?? DEFAULT_MAX_ANSWER_BYTES).then(settle);
    });
    request.end(options.body);
  });
}

function startRequest(url: URL, secure: SecureOptions, options: SendOptions): ClientRequest {
  const method = options.method ?? 'POST';
  const sendsLength = options.body.length > 0 || !['GET', 'HEAD'].includes(method);
  return httpsRequest(url, {
    method,
    agent: false,
    ...secure,
    checkServerIdentity,
    headers: {
      ...options.headers,
      ...(sendsLength && { 'content-length': String(options.body.length) }),
    },
  });
}

/** A whole answer. */
export interface CollectedAnswer {
  readonly status: number;
  /** By lower-case name; of a repeated header the values joined by a comma (RFC 9110 §5.3). */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** Reads to the end, or gives up at the byte after `maxAnswerBytes`. A body that breaks off is a failure. */
async function collectAnswer(
  response: IncomingMessage,
  maxAnswerBytes: number,
): Promise<CollectedAnswer | SendFailure> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxAnswerBytes) return { code: 'answer_too_large', maxAnswerBytes };
      chunks.push(chunk);
    }
  } catch (error) {
    return { code: 'connection_broken', reason: errorCode(error) };
  }
  return { status: response.statusCode ?? 0, headers: headersOf(response), body: Buffer.concat(chunks) };
}

function headersOf(response: IncomingMessage): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, values] of Object.entries(response.headersDistinct))
    if (values !== undefined) headers.set(name, values.join(', '));
  return headers;
}
