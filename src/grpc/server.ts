/**
 * A gRPC server on node:http2, for Envoy on a Unix socket: every limit explicit (security.md MUST 29), messages
 * as bytes on both sides. docs/adr/0002 tells why it is not that of grpc-js, and test/unit/grpc holds it
 * against the client of grpc-js.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { Server as NetServer } from 'node:net';
import { fail, serveCall, type CallOptions } from './call.js';
import type { Methods } from './method.js';
import { UNKNOWN_METHOD } from './status.js';
import { Turns } from './turns.js';

/** Envoy opens one connection a worker thread; each multiplexes this many calls at most. */
const MAX_STREAMS = 1_024;
/** Room for one whole message on each of a few dozen streams before a window update is needed. */
const CONNECTION_WINDOW_BYTES = 16_777_216;
/** What one connection may make Node hold, in MB: above it new streams are refused, which Envoy answers 503. */
const SESSION_MEMORY_MEGABYTES = 256;
const MAX_HEADER_LIST_BYTES = 65_536;
const KEEPALIVE_MILLISECONDS = 30_000;
const KEEPALIVE_TIMEOUT_MILLISECONDS = 10_000;
/** RFC 9113, 6.8: the id that says "no new streams, please" while those under way to us are still taken. */
const LAST_STREAM_ID = 2 ** 31 - 1;
/** Far more than a Unix socket takes to carry what was under way. */
const LAST_CALLS_MILLISECONDS = 50;
const GRPC_CONTENT_TYPE = /^application\/grpc(?:$|[+;])/;

/** What is served, and its one limit. */
export interface GrpcServerOptions {
  readonly methods: Methods;
  readonly maxMessageBytes: number;
}

export class GrpcServer {
  readonly #methods: Methods;
  readonly #callOptions: CallOptions;
  readonly #server: Http2Server;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(options: GrpcServerOptions) {
    this.#methods = options.methods;
    this.#callOptions = { maxMessageBytes: options.maxMessageBytes, turns: new Turns() };
    this.#server = createServer({
      maxSessionMemory: SESSION_MEMORY_MEGABYTES,
      settings: {
        maxConcurrentStreams: MAX_STREAMS,
        initialWindowSize: Math.max(options.maxMessageBytes, constants.DEFAULT_SETTINGS_INITIAL_WINDOW_SIZE),
        maxHeaderListSize: MAX_HEADER_LIST_BYTES,
      },
    });
    this.#server.on('session', (session) => this.#adopt(session));
    this.#server.on('stream', (stream, headers) => this.#serve(stream, headers));
  }

  /** Listens on a Unix socket. Rejects with the system's error. */
  listen(socketPath: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socketPath, () => {
        this.#server.removeListener('error', reject);
        resolve();
      });
    });
  }

  /** Asks every peer to go elsewhere, lets calls under way finish, and cuts what is left after the limit. */
  async stop(limitMilliseconds: number): Promise<void> {
    // Not Http2Server.close: from Node 24 on it also sends each peer its last GOAWAY at once, before ours.
    const closed = new Promise<void>((resolve) =>
      NetServer.prototype.close.call(this.#server, () => resolve()),
    );
    const cut = setTimeout(() => {
      for (const session of this.#sessions) session.destroy();
    }, limitMilliseconds);
    for (const session of this.#sessions) goAway(session);
    await closed;
    clearTimeout(cut);
  }

  #adopt(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    const stopPings = keepAlive(session);
    session.once('close', () => {
      stopPings();
      this.#sessions.delete(session);
    });
    // A broken connection is the peer's affair: its streams end as cancelled.
    session.on('error', () => undefined);
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => undefined);
    const status = httpRefusal(headers);
    const method = this.#methods.get(headers[':path'] ?? '');
    if (status !== undefined) refuseHttp(stream, status);
    else if (method === undefined) fail(stream, UNKNOWN_METHOD);
    else serveCall(stream, headers, method, this.#callOptions);
  }
}

/** The HTTP status for what is not gRPC at all (gRPC over HTTP/2, *Requests*: 415 for another content type). */
function httpRefusal({
  ':method': verb,
  'content-type': contentType,
}: IncomingHttpHeaders): number | undefined {
  if (verb !== 'POST') return constants.HTTP_STATUS_METHOD_NOT_ALLOWED;
  if (contentType === 'application/grpc' || GRPC_CONTENT_TYPE.test(contentType ?? '')) return undefined;
  return constants.HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE;
}

function refuseHttp(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ':status': status }, { endStream: true });
  stream.resume();
}

/**
 * The two steps of RFC 9113, 6.8: a call that left the peer before it heard of the stop is still answered. The
 * time between them would be told by a ping, but Node's own client answers none once it was told to go.
 */
function goAway(session: ServerHttp2Session): void {
  if (session.destroyed) return;
  session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_ID);
  setTimeout(() => {
    if (!session.destroyed) session.close();
  }, LAST_CALLS_MILLISECONDS);
}

/** Pings a silent peer and drops one that does not answer; returns how to stop. */
function keepAlive(session: ServerHttp2Session): () => void {
  let waiting: NodeJS.Timeout | undefined;
  const timer = setInterval(() => {
    if (waiting !== undefined || session.closed) return;
    waiting = setTimeout(() => session.destroy(), KEEPALIVE_TIMEOUT_MILLISECONDS);
    session.ping(() => {
      clearTimeout(waiting);
      waiting = undefined;
    });
  }, KEEPALIVE_MILLISECONDS);
  timer.unref();
  return () => {
    clearInterval(timer);
    clearTimeout(waiting);
  };
}
