/**
 * A unary gRPC client as thin as HTTP/2 allows, so that the server's core is the one that is measured:
 * one connection, a fixed number of calls in flight, requests serialised beforehand.
 */
import { connect, type ClientHttp2Session } from 'node:http2';
import { performance } from 'node:perf_hooks';
import { connect as connectSocket } from 'node:net';

const FRAME_HEADER_BYTES = 5;

/** What one round of load showed. */
export interface LoadResult {
  readonly checksPerSecond: number;
  /** Milliseconds, of single calls. */
  readonly p50: number;
  readonly p99: number;
  /** Answers that were no allow: must be 0, or the round measured something else. */
  readonly refused: number;
}

/** How the load is shaped. */
export interface LoadOptions {
  readonly socketPath: string;
  readonly grpcPath: string;
  /** Of each call its messages: the next is sent when the one before it is answered. */
  readonly messages: readonly (Buffer | readonly Buffer[])[];
  readonly inFlight: number;
  /** Tells an allow from a refusal by the bytes of the answer. */
  readonly isAllow: (response: Buffer) => boolean;
}

/** Sends every message once and measures from the first to the last answer. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const session = connect('http://localhost', { createConnection: () => connectSocket(options.socketPath) });
  try {
    return await sendAll(session, options);
  } finally {
    session.close();
  }
}

async function sendAll(session: ClientHttp2Session, options: LoadOptions): Promise<LoadResult> {
  const { messages, inFlight } = options;
  const latencies: number[] = [];
  let next = 0;
  let refused = 0;
  const lane = async (): Promise<void> => {
    for (let message = messages[next++]; message !== undefined; message = messages[next++]) {
      const started = performance.now();
      const response = Buffer.isBuffer(message)
        ? await unaryCall(session, options.grpcPath, message)
        : await streamedCall(session, options.grpcPath, message);
      latencies.push(performance.now() - started);
      if (!options.isAllow(response)) refused++;
    }
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  const seconds = (performance.now() - started) / 1000;
  latencies.sort((left, right) => left - right);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? NaN;
  return { checksPerSecond: messages.length / seconds, p50: at(0.5), p99: at(0.99), refused };
}

/** A call of several messages, as Envoy's ext_proc makes it; resolves with the last answer. Every answer has to fit one frame of the transport. */
function streamedCall(
  session: ClientHttp2Session,
  path: string,
  messages: readonly Buffer[],
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headersOf(path));
    let sent = 0;
    let answer: Buffer = Buffer.alloc(0);
    const sendNext = (): void => {
      const message = messages[sent++];
      if (message === undefined) stream.end();
      else stream.write(framed(message));
    };
    stream.on('data', (chunk: Buffer) => {
      answer = chunk;
      sendNext();
    });
    stream.on('error', reject);
    stream.on('end', () => resolve(answer.subarray(FRAME_HEADER_BYTES)));
    sendNext();
  });
}

const headersOf = (path: string): Record<string, string> => ({
  ':method': 'POST',
  ':path': path,
  'content-type': 'application/grpc',
  te: 'trailers',
  'grpc-timeout': '5000m',
});

function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + message.length);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, FRAME_HEADER_BYTES);
  return frame;
}

/** One call; resolves with the message of the answer, without its frame header. */
export function unaryCall(session: ClientHttp2Session, path: string, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(headersOf(path));
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', reject);
    stream.on('end', () => resolve(Buffer.concat(chunks).subarray(FRAME_HEADER_BYTES)));
    stream.end(framed(message));
  });
}
