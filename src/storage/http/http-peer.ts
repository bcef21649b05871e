/**
 * A server that we are a client of (an audit log's mirror or collector, a vault, a key set), over HTTP/1.1 with connections that are kept. Nothing here is decided by the
 * environment: no proxy, no authority and no switch of TLS comes from a variable. No redirect is followed.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import { checkServerIdentity, createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import { trusting } from '../../crypto/tls-client.js';

/** How a server is reached; `authority`: PEM of the only authorities that are believed. Default: those that Node was built with. */
export interface PeerOptions {
  /** `https:`, or `http:` of a loopback address. */
  readonly url: URL;
  readonly authority?: string | undefined;
  /** Of one exchange, from its start to the last byte of the answer. */
  readonly timeoutMilliseconds: number;
  readonly maxAnswerBytes: number;
  readonly maxConnections?: number;
}

/** One request; its path is absolute and encoded. */
export interface PeerRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

/** A whole answer, or in words why there is none; the words begin with a verb whose subject is the server. */
export type PeerAnswer =
  | {
      readonly ok: true;
      readonly status: number;
      readonly headers: http.IncomingHttpHeaders;
      readonly body: Buffer;
    }
  | { readonly ok: false; readonly reason: string };

const MAX_HEADER_BYTES = 16_384;
/** A server ends what is idle; it is seldom one that waits for so short a time. */
const IDLE_MILLISECONDS = 30_000;

export class HttpPeer {
  readonly #options: PeerOptions;
  readonly #agent: http.Agent;
  readonly #underWay = new Set<http.ClientRequest>();
  #closed = false;

  /** Throws OpenSSL's error when `authority` holds no certificate. */
  constructor(options: PeerOptions) {
    this.#options = options;
    const kept = {
      keepAlive: true,
      maxSockets: options.maxConnections ?? 1,
      timeout: IDLE_MILLISECONDS,
      scheduling: 'lifo',
    } as const;
    this.#agent =
      options.url.protocol === 'https:'
        ? new https.Agent({
            ...kept,
            rejectUnauthorized: true,
            secureContext: trustOf(options.authority),
            checkServerIdentity,
          })
        : new http.Agent(kept);
  }

  /** Never rejects: whatever the network and the server do is a value. */
  async exchange(request: PeerRequest): Promise<PeerAnswer> {
    const first = await this.#once(request);
    // The server may have ended a kept connection in the moment in which it was used: then it has seen nothing of this.
    const last = first === 'stale' ? await this.#once(request) : first;
    return last === 'stale' ? failed('closed the connection') : last;
  }

  /** Ends what is under way; later exchanges fail at once. */
  close(): void {
    this.#closed = true;
    for (const request of this.#underWay) request.destroy();
    this.#agent.destroy();
  }

  #once(request: PeerRequest): Promise<PeerAnswer | 'stale'> {
    if (this.#closed) return Promise.resolve(failed('is not asked any more: we are stopping'));
    const { timeoutMilliseconds, maxAnswerBytes } = this.#options;
    return new Promise((resolve) => {
      const sent = this.#send(request);
      this.#underWay.add(sent);
      let hasAnswered = false;
      const settle = (answer: PeerAnswer | 'stale'): void => {
        clearTimeout(deadline);
        this.#underWay.delete(sent);
        resolve(answer);
      };
      const deadline = setTimeout(() => {
        settle(failed(`has not answered within ${timeoutMilliseconds} ms`));
        sent.destroy();
      }, timeoutMilliseconds);
      sent.on('error', (error) => {
        // A server may answer and hang up while a large body is still written: then its answer counts.
        if (!hasAnswered) settle(isStale(sent, error) ? 'stale' : failed(inWords(error)));
      });
      sent.once('response', (response) => {
        hasAnswered = true;
        void collect(response, maxAnswerBytes).then((answer) => {
          if (!answer.ok) sent.destroy();
          settle(answer);
        });
      });
      sent.end(request.body);
    });
  }

  #send({ method, path, headers, body }: PeerRequest): http.ClientRequest {
    const { url } = this.#options;
    const options = {
      protocol: url.protocol,
      // Brackets belong to the text of a URL alone.
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port,
      agent: this.#agent,
      method,
      path,
      maxHeaderSize: MAX_HEADER_BYTES,
      headers: {
        ...headers,
        host: url.host,
        ...(body !== undefined && { 'content-length': String(body.length) }),
      },
    };
    return url.protocol === 'https:' ? https.request(options) : http.request(options);
  }
}

/** Made once: reading all the authorities that Node was built with takes a tenth of a second, and else every connection did. */
let trustOfNode: SecureContext | undefined;

function trustOf(authority: string | undefined): SecureContext {
  if (authority !== undefined) return createSecureContext(trusting(authority));
  trustOfNode ??= createSecureContext(trusting(rootCertificates));
  return trustOfNode;
}

function failed(reason: string): PeerAnswer {
  return { ok: false, reason };
}

async function collect(response: http.IncomingMessage, maxAnswerBytes: number): Promise<PeerAnswer> {
  const { statusCode: status = 0, headers } = response;
  if (status >= 300 && status < 400 && status !== 304)
    return failed(`answers with a redirect (${status}), which is not followed`);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxAnswerBytes) return failed(`answers with more than ${maxAnswerBytes} bytes`);
      chunks.push(chunk);
    }
  } catch {
    return failed('broke its answer off');
  }
  return { ok: true, status, headers, body: Buffer.concat(chunks) };
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function isStale(request: http.ClientRequest, error: Error): boolean {
  return request.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(codeOf(error));
}

const WORDS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'refuses connections'],
  ['ECONNRESET', 'closed the connection'],
  ['EPIPE', 'closed the connection'],
  ['ENOTFOUND', 'has a name that cannot be resolved'],
  ['EAI_AGAIN', 'has a name that cannot be resolved now'],
  ['EHOSTUNREACH', 'cannot be reached'],
  ['ENETUNREACH', 'cannot be reached'],
  ['ETIMEDOUT', 'cannot be reached'],
  ['EPROTO', 'speaks no TLS there, or none that we accept'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'shows a certificate of another name'],
  ['CERT_HAS_EXPIRED', 'shows a certificate that has expired'],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'shows a certificate of an authority that is not trusted'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'shows a certificate of an authority that is not trusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'shows a certificate of an authority that is not trusted'],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'shows a certificate of an authority that is not trusted'],
]);

/** Nothing that the server said stands in it but OpenSSL's and the system's own codes. */
function inWords(error: Error): string {
  const code = codeOf(error);
  const words = WORDS.get(code);
  return words === undefined
    ? `cannot be spoken to (${code === '' ? error.name : code})`
    : `${words} (${code})`;
}
