/**
 * A gRPC server on node:http2, for Envoy on a Unix socket: every limit explicit (docs/security-requirements.md#29), messages
 * as bytes on both sides. docs/adr/0002 tells why it is not that of grpc-js, and test/unit/grpc holds it
 * against the client of grpc-js.
 */
import type { EventEmitter } from 'node:events';
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import {
  CallScheduler,
  DEFAULT_LOAD_LIMITS,
  NO_OBSERVER,
  type LoadLimits,
  type LoadObserver,
} from './call-scheduler.js';
import { NOTHING_FOR_STRANGERS, type Caller, type ForStrangers } from './callers.js';
import { goAway, watchConnection } from './connection.js';
import { endAnswer, fail, openAnswer } from './framing.js';
import { COMPRESSED, UNAUTHENTICATED, UNKNOWN_METHOD, type Methods } from './method.js';
import { StreamingCall } from './streaming-call.js';
import { UnaryCall, type CallOptions } from './unary-call.js';

/**
 * Calls on one connection at once; Envoy opens another one for more. Together with the resets after which a connection
 * is renewed well below the 1,000 at which nghttp2 breaks it: all that are open may be reset at once.
 */
export const MAX_STREAMS = 256;
/**
 * Node would break a connection after 100 streams that it had no memory for, or 1,000 that were not well-formed. Each
 * is refused by itself and counted (`connection.ts`); the others on the connection are not to pay for them.
 */
const UNBOUNDED = 4_294_967_295;
/** Room for one whole message on each of a few dozen streams before a window update is needed. */
const CONNECTION_WINDOW_BYTES = 16_777_216;
/** What one connection may make Node hold, in MB: above it new streams are refused, which Envoy answers 503. */
const SESSION_MEMORY_MEGABYTES = 256;
const MAX_HEADER_LIST_BYTES = 65_536;
/** Who connected while the socket still had its name is taken in before the listener closes: it may have sent a call. */
const ACCEPTING_MILLISECONDS = 50;
/** To accept, to read what was sent, and one more. */
const TURNS_AFTER_TIMER = 3;
const GRPC_CONTENT_TYPE = /^application\/grpc(?:$|[+;])/;

/** An open connection. */
interface Connection {
  /** What its session writes to. */
  readonly socket: Duplex;
  /** Undefined on the Unix socket, whose mode says who may connect. */
  readonly caller: Caller | undefined;
  isKnown: boolean;
}

/** What is served, and its limits. */
interface GrpcServerOptions {
  readonly methods: Methods;
  readonly maxMessageBytes: number;
  /** Default: `DEFAULT_LOAD_LIMITS`. */
  readonly load?: LoadLimits;
  /** Default: nobody is told. */
  readonly observer?: LoadObserver;
  /** Default: nothing. */
  readonly forStrangers?: ForStrangers;
}

export class GrpcServer {
  readonly #methods: Methods;
  readonly #scheduler: CallScheduler;
  readonly #observer: LoadObserver;
  readonly #callOptions: CallOptions;
  readonly #server: Http2Server;
  readonly #forStrangers: ForStrangers;
  readonly #callers = new WeakMap<Duplex, Caller>();
  /** With the connections that they are on. */
  readonly #sessions = new Map<ServerHttp2Session, Connection>();

  constructor(options: GrpcServerOptions) {
    this.#methods = options.methods;
    this.#observer = options.observer ?? NO_OBSERVER;
    this.#forStrangers = options.forStrangers ?? NOTHING_FOR_STRANGERS;
    this.#scheduler = new CallScheduler(options.load ?? DEFAULT_LOAD_LIMITS, this.#observer);
    this.#callOptions = { maxMessageBytes: options.maxMessageBytes, scheduler: this.#scheduler };
    this.#server = createServer({
      maxSessionMemory: SESSION_MEMORY_MEGABYTES,
      maxSessionRejectedStreams: UNBOUNDED,
      maxSessionInvalidFrames: UNBOUNDED,
      settings: {
        maxConcurrentStreams: MAX_STREAMS,
        initialWindowSize: Math.max(options.maxMessageBytes, constants.DEFAULT_SETTINGS_INITIAL_WINDOW_SIZE),
        maxHeaderListSize: MAX_HEADER_LIST_BYTES,
      },
    });
    // Node's own listener makes the session of a connection and tells of it in one go.
    let connecting: Duplex | undefined;
    this.#server.prependListener('connection', (socket: Duplex) => (connecting = socket));
    this.#server.on('session', (session) => connecting && this.#adopt(session, connecting));
    this.#server.on('stream', (stream, headers) => this.#serve(stream, headers));
  }

  /** Calls that wait for their turn. */
  get waiting(): number {
    return this.#scheduler.waiting;
  }

  /** Bytes of messages that are here, whole or in part. */
  get heldBytes(): number {
    return this.#scheduler.heldBytes;
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

  /** Serves a connection that another listener has accepted. */
  serve(connection: Duplex, caller: Caller): void {
    this.#callers.set(connection, caller);
    // Documented for any Duplex (http2, 'connection'), and typed for sockets alone.
    (this.#server as EventEmitter).emit('connection', connection);
  }

  /** Asks all who came by other listeners to connect anew; who has not gone by the limit is cut. */
  renewCallers(limitMilliseconds: number): void {
    for (const [session, { socket, caller }] of this.#sessions) {
      if (caller === undefined) continue;
      goAway(session, socket);
      const limit = setTimeout(() => session.destroy(), limitMilliseconds).unref();
      session.once('close', () => clearTimeout(limit));
    }
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sessions.size;
  }

  /**
   * Asks every peer to go elsewhere, lets calls under way finish, and cuts what is left after the limit, or when
   * `cut` says so. Resolves with the number of connections that were cut.
   */
  async stop(limitMilliseconds: number, cut?: AbortSignal): Promise<number> {
    let connectionsCut = 0;
    const cutAll = (): void => {
      connectionsCut = this.#sessions.size;
      for (const session of this.#sessions.keys()) session.destroy();
    };
    const acceptingMilliseconds = Math.min(ACCEPTING_MILLISECONDS, limitMilliseconds);
    await sleep(acceptingMilliseconds, undefined, cut && { signal: cut }).catch(() => undefined);
    // A timer comes before what the kernel holds: after a standstill, those who had connected by then are taken in first.
    for (let turn = 0; turn < TURNS_AFTER_TIMER; turn++) await nextTurn();
    const closed = this.#closeListener();
    const limit = setTimeout(cutAll, limitMilliseconds - acceptingMilliseconds);
    cut?.addEventListener('abort', cutAll);
    for (const [session, { socket }] of this.#sessions) goAway(session, socket);
    if (cut?.aborted === true) cutAll();
    await closed;
    clearTimeout(limit);
    cut?.removeEventListener('abort', cutAll);
    return connectionsCut;
  }

  /** That of `net`: newer ones of `http2` close every session at once, and calls on their way to us would be lost. */
  #closeListener(): Promise<void> {
    return new Promise((resolve) => NetServer.prototype.close.call(this.#server, () => resolve()));
  }

  #adopt(session: ServerHttp2Session, socket: Duplex): void {
    const caller = this.#callers.get(socket);
    this.#sessions.set(session, { socket, caller, isKnown: caller === undefined });
    // A stranger may send no more than HTTP/2 gives everybody.
    if (caller === undefined) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    watchConnection(session, socket, (streams) => this.#observer.refusedByHttp2?.(streams));
    session.once('close', () => this.#sessions.delete(session));
    // A broken connection is the peer's affair: its streams end as cancelled.
    session.on('error', () => undefined);
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => undefined);
    const status = httpRefusal(headers);
    const encoding = headers['grpc-encoding'];
    if (status !== undefined) refuseHttp(stream, status);
    else if (encoding !== undefined && encoding !== 'identity') fail(stream, COMPRESSED);
    else this.#admit(stream, headers);
  }

  #begin(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, methods: Methods): void {
    const method = methods.get(headers[':path'] ?? '');
    if (method === undefined) fail(stream, UNKNOWN_METHOD);
    else if (method.kind === 'stream') new StreamingCall(stream, method, this.#callOptions);
    else new UnaryCall(stream, headers, method, this.#callOptions);
  }

  #admit(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const session = stream.session as ServerHttp2Session;
    const connection = this.#sessions.get(session);
    const caller = connection?.caller;
    if (caller?.admits(headers) === false) {
      this.#turnAway(stream, headers, caller);
      return;
    }
    if (connection?.isKnown === false) {
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
      connection.isKnown = true;
    }
    this.#begin(stream, headers, this.#methods);
  }

  /** With an answer where there is one: on a gRPC error the settings of Envoy would decide, and they may let requests pass. */
  #turnAway(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, caller: Caller): void {
    const { methods, answers } = this.#forStrangers;
    const path = headers[':path'] ?? '';
    if (methods.has(path)) {
      this.#begin(stream, headers, methods);
      return;
    }
    caller.turnedAway();
    const answer = answers.get(path);
    if (answer === undefined) fail(stream, UNAUTHENTICATED);
    else {
      openAnswer(stream);
      endAnswer(stream, answer);
      stream.resume();
    }
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
