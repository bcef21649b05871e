/**
 * One gRPC call on one HTTP/2 stream. Unary calls are the hot path of the whole product, so they are driven by
 * the stream's own events and nothing else is built for them (docs/adr/0002).
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { frame, MessageReader } from './message-reader.js';
import type { CallState, Method, StreamCall, StreamMethod, UnaryMethod } from './method.js';
import { COMPRESSED, DEFECT, MALFORMED, type GrpcFailure } from './status.js';
import { parseTimeout } from './timeout.js';
import type { Turns } from './turns.js';

const HEADERS = Object.freeze({
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity',
});
const OK_TRAILERS = Object.freeze({ 'grpc-status': '0' });
const WITH_TRAILERS = Object.freeze({ waitForTrailers: true });

/** What the calls of one server share. */
export interface CallOptions {
  readonly maxMessageBytes: number;
  readonly turns: Turns;
}

/** Serves one call; the stream carries a POST of gRPC for `method`. */
export function serveCall(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  method: Method,
  options: CallOptions,
): void {
  const encoding = headers['grpc-encoding'];
  if (encoding !== undefined && encoding !== 'identity') fail(stream, COMPRESSED);
  else if (method.kind === 'unary') serveUnary(stream, method, options, headers['grpc-timeout'] as string);
  else serveStream(stream, method, options.maxMessageBytes);
}

/** Ends a call without any message: *Trailers-Only*. */
export function fail(stream: ServerHttp2Stream, { code, message }: GrpcFailure): void {
  if (isGone(stream)) return;
  const trailers = { 'grpc-status': String(code), 'grpc-message': message };
  if (!stream.headersSent) {
    stream.respond({ ...HEADERS, ...trailers }, { endStream: true });
    // The rest of a request that is not wanted need not be sent (RFC 9113, 8.1).
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    return;
  }
  stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end();
}

function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

function serveUnary(
  stream: ServerHttp2Stream,
  method: UnaryMethod,
  { maxMessageBytes, turns }: CallOptions,
  timeout: string | undefined,
): void {
  const reader = new MessageReader(maxMessageBytes);
  let request: Buffer | undefined;
  let failure: GrpcFailure | undefined;
  const take = (message: Buffer): void => {
    if (request === undefined) request = message;
    else failure = MALFORMED;
  };
  stream.on('data', (chunk: Buffer) => {
    if (failure !== undefined) return;
    failure = reader.push(chunk, take) ?? failure;
    if (failure !== undefined) fail(stream, failure);
  });
  stream.on('end', () => {
    if (failure !== undefined) return;
    if (request === undefined || reader.isMidMessage) {
      fail(stream, MALFORMED);
      return;
    }
    const message = request;
    const call: CallState = {
      cancelled: () => isGone(stream),
      arrivedMs: performance.now(),
      timeoutMilliseconds: parseTimeout(timeout),
    };
    turns.run(() => answer(stream, method, message, call));
  });
}

function answer(stream: ServerHttp2Stream, method: UnaryMethod, request: Buffer, call: CallState): void {
  handled(method, request, call).then(
    (outcome) => (outcome instanceof Uint8Array ? respond(stream, outcome) : fail(stream, outcome)),
    () => fail(stream, DEFECT),
  );
}

/** What a handler throws before its promise is there must not leave the stream's event. */
function handled(method: UnaryMethod, request: Buffer, call: CallState): Promise<Uint8Array | GrpcFailure> {
  try {
    return method.handle(request, call);
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error(String(error)));
  }
}

function respond(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (isGone(stream)) return;
  stream.respond(HEADERS, WITH_TRAILERS);
  stream.once('wantTrailers', sendOk);
  stream.end(frame(message));
}

function sendOk(this: ServerHttp2Stream): void {
  this.sendTrailers(OK_TRAILERS);
}

function serveStream(stream: ServerHttp2Stream, method: StreamMethod, maxMessageBytes: number): void {
  const reader = new MessageReader(maxMessageBytes);
  let ended = false;
  const end = (failure?: GrpcFailure): void => {
    if (ended) return;
    ended = true;
    if (failure !== undefined) fail(stream, failure);
    else if (!isGone(stream)) {
      open();
      stream.once('wantTrailers', sendOk);
      stream.end();
    }
  };
  const open = (): void => {
    if (!stream.headersSent) stream.respond(HEADERS, WITH_TRAILERS);
  };
  const send = (message: Uint8Array): void => {
    if (ended || isGone(stream)) return;
    open();
    stream.write(frame(message));
  };
  const guarded = (step: () => void): void => {
    try {
      if (!ended) step();
    } catch {
      end(DEFECT);
    }
  };
  const call: StreamCall = { send, end };
  const handler = method.open(call);
  stream.on('data', (chunk: Buffer) =>
    guarded(() => {
      const failure = reader.push(chunk, (message) => handler.message(message));
      if (failure !== undefined) end(failure);
    }),
  );
  stream.on('end', () =>
    guarded(() => {
      // A reset ends the readable side, too.
      if (isGone(stream)) return;
      if (reader.isMidMessage) end(MALFORMED);
      else handler.halfClosed();
    }),
  );
  stream.once('close', () => {
    ended = true;
    handler.closed();
  });
}
