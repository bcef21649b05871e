/** One gRPC call on one HTTP/2 stream: told apart by its method. */
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { fail } from './answers.js';
import type { Method } from './method.js';
import { COMPRESSED } from './status.js';
import { ServedStream } from './served-stream.js';
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
  else if (method.kind === 'stream') new ServedStream(stream, method, options);
  else {
    const timeoutMilliseconds = parseTimeout(headers['grpc-timeout'] as string | undefined);
    new UnaryCall(stream, { method, ...options, timeoutMilliseconds });
  }
}
