/**
 * What gRPC adds to an HTTP/2 stream (gRPC over HTTP/2): length-prefixed messages (a flag byte, four of length, the
 * message), and an end by one message and status 0, or by a failure. For unary calls and streams alike.
 */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { COMPRESSED, TOO_LARGE, type GrpcFailure } from './method.js';

export const PREFIX_BYTES = 5;

/**
 * Cuts the chunks of one stream into messages. Memory is what has arrived, never what a prefix announces, and
 * a message that came in one chunk is handed on without a copy.
 */
export class MessageReader {
  readonly #maxMessageBytes: number;
  #chunks: Buffer[] = [];
  #buffered = 0;
  /** Bytes of the message under way, its prefix included; undefined until the prefix is here. */
  #wanted: number | undefined;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Bytes of a message that has begun and is not whole: a stream that ends now was cut. */
  get isMidMessage(): boolean {
    return this.#buffered > 0;
  }

  /** Hands every message that became whole to `take`, in order. Returns why the stream is to be refused. */
  push(chunk: Buffer, take: (message: Buffer) => void): GrpcFailure | undefined {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (this.#buffered >= (this.#wanted ?? PREFIX_BYTES)) {
      const failure = this.#wanted === undefined ? this.#readPrefix() : undefined;
      if (failure !== undefined) return failure;
      if (this.#buffered < (this.#wanted ?? 0)) break;
      take(this.#shift());
    }
    return undefined;
  }

  #readPrefix(): GrpcFailure | undefined {
    const start = this.#joined();
    if (start[0] !== 0) return COMPRESSED;
    const length = start.readUInt32BE(1);
    if (length > this.#maxMessageBytes) return TOO_LARGE;
    this.#wanted = PREFIX_BYTES + length;
    return undefined;
  }

  #shift(): Buffer {
    const whole = this.#joined();
    const end = this.#wanted ?? PREFIX_BYTES;
    this.#chunks = whole.length === end ? [] : [whole.subarray(end)];
    this.#buffered -= end;
    this.#wanted = undefined;
    return whole.subarray(PREFIX_BYTES, end);
  }

  /** Joined at most twice a message: at its prefix and at its end. */
  #joined(): Buffer {
    const only = this.#chunks[0];
    if (only !== undefined && this.#chunks.length === 1) return only;
    const joined = Buffer.concat(this.#chunks, this.#buffered);
    this.#chunks = [joined];
    return joined;
  }
}

/** The frame of one uncompressed message. */
export function frame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

const ANSWER_HEADERS = Object.freeze({
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
    stream.respond({ ...ANSWER_HEADERS, ...trailers }, { endStream: true });
    // The rest of a request that is not wanted need not be sent (RFC 9113, 8.1).
    if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    return;
  }
  stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end();
}

/** Begins an answer, unless it has begun. */
export function openAnswer(stream: ServerHttp2Stream): void {
  if (!stream.headersSent) stream.respond(ANSWER_HEADERS, WITH_TRAILERS);
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
