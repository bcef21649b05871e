/** One gRPC call on one HTTP/2 stream: told apart by its method. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { endAnswer, fail, isGone, openAnswer } from './answers.js';
import { frame, MessageReader } from './message-reader.js';
import type { Method, StreamCall, StreamMethod } from './method.js';
import { COMPRESSED, DEFECT, MALFORMED, type GrpcFailure } from './status.js';
import { parseTimeout } from './timeout.js';
import type { Turns } from './turns.js';
import { UnaryCall } from './unary-call.js';

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
  else if (method.kind === 'stream') serveStream(stream, method, options);
  else {
    const timeoutMilliseconds = parseTimeout(headers['grpc-timeout'] as string | undefined);
    new UnaryCall(stream, { method, ...options, timeoutMilliseconds });
  }
}

function serveStream(stream: ServerHttp2Stream, method: StreamMethod, options: CallOptions): void {
  const { maxMessageBytes, turns } = options;
  const reader = new MessageReader(maxMessageBytes);
  let ended = false;
  let heldBytes = 0;
  const end = (failure?: GrpcFailure): void => {
    if (ended) return;
    ended = true;
    if (failure !== undefined) fail(stream, failure);
    else if (!isGone(stream)) {
      openAnswer(stream);
      endAnswer(stream);
    }
  };
  const send = (message: Uint8Array): void => {
    if (ended || isGone(stream)) return;
    openAnswer(stream);
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
      // An answer on its way back belongs to a request that is done: calls that wait give way, it does not.
      turns.hold(chunk.length);
      heldBytes += chunk.length;
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
    turns.release(heldBytes);
    handler.closed();
  });
}
