/** How a call ends: one message and status 0, or a failure. Shared by calls of both kinds. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { frame } from './message-reader.js';
import type { GrpcFailure } from './status.js';

const HEADERS = Object.freeze({
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': 'identity',
});
const OK_TRAILERS = Object.freeze({ 'grpc-status': '0' });
const WITH_TRAILERS = Object.freeze({ waitForTrailers: true });

/** The peer has reset the stream, or its connection is gone. */
export function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
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

/** Begins an answer, unless it has begun. */
export function openAnswer(stream: ServerHttp2Stream): void {
  if (!stream.headersSent) stream.respond(HEADERS, WITH_TRAILERS);
}

/** Ends an answer that has begun with status 0, after a last message if there is one. */
export function endAnswer(stream: ServerHttp2Stream, message?: Uint8Array): void {
  stream.once('wantTrailers', sendOk);
  if (message === undefined) stream.end();
  else stream.end(frame(message));
}

function sendOk(this: ServerHttp2Stream): void {
  this.sendTrailers(OK_TRAILERS);
}
