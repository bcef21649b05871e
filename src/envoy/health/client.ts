/**
 * Asking a verifier for its health over its Unix socket, as Envoy does (grpc.health.v1.Health/Check). On node:http2
 * and our own framing, since a probe runs every few seconds and pays for whatever it loads.
 */
import {
  connect as connectHttp2,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
} from 'node:http2';
import { connect } from 'node:net';
import { frame, MessageReader } from '../../grpc/message-reader.js';
import { WireReader } from '../wire/reader.js';
import { bytes, field, text } from '../wire/writer.js';

/** What is asked. */
export interface HealthQuestion {
  readonly socketPath: string;
  /** Empty for the whole process; `countersign.nonce_store` and its like for one component. */
  readonly service: string;
  readonly timeoutMilliseconds: number;
}

/** What came back. `unreachable`: nobody answered as a verifier does, and why. */
export type HealthReply =
  | { readonly kind: 'serving' }
  /** `reason`: in the verifier's own words, where it gives one. */
  | { readonly kind: 'not_serving'; readonly reason?: string }
  | { readonly kind: 'unknown_service' }
  | { readonly kind: 'unreachable'; readonly reason: string };

/**
 * A field of ours behind the one of HealthCheckResponse: why the answer is no, for people who ask over the socket.
 * Envoy and every other reader of grpc.health.v1 skip a field that they do not know (Protocol Buffers, *Unknown Fields*).
 */
export const REASON_FIELD = 15;

const CHECK = '/grpc.health.v1.Health/Check';
/** HealthCheckResponse.ServingStatus. */
const SERVING = 1;
const NOT_SERVING = 2;
/** google.rpc.Code. */
const NOT_FOUND = '5';
/** A reply is two bytes long, with a reason some hundred. */
const MAX_REPLY_BYTES = 2_048;

/** Asks once. Never rejects. */
export async function askHealth(question: HealthQuestion): Promise<HealthReply> {
  const { socketPath, timeoutMilliseconds } = question;
  const session = connectHttp2('http://localhost', { createConnection: () => connect(socketPath) });
  const limit = AbortSignal.timeout(timeoutMilliseconds);
  try {
    return await new Promise<HealthReply>((resolve) => {
      const fail = (reason: string): void => resolve({ kind: 'unreachable', reason });
      limit.addEventListener('abort', () => fail(`no answer within ${timeoutMilliseconds} ms`));
      session.on('error', (error: Error) => fail(error.message));
      session.on('close', () => fail('the connection was closed'));
      receive(send(session, question), resolve);
    });
  } finally {
    session.destroy();
  }
}

function send(
  session: ClientHttp2Session,
  { service, timeoutMilliseconds }: HealthQuestion,
): ClientHttp2Stream {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: CHECK,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    [constants.HTTP2_HEADER_TE]: 'trailers',
    'grpc-timeout': `${timeoutMilliseconds}m`,
  });
  stream.end(frame(bytes(service === '' ? '' : field(1, text(service)))));
  return stream;
}

/** The status comes in the trailers, or at once in the headers where there is no message. */
function receive(stream: ClientHttp2Stream, resolve: (reply: HealthReply) => void): void {
  const reader = new MessageReader(MAX_REPLY_BYTES);
  let message: Buffer | undefined;
  let status: string | undefined;
  const note = (headers: Readonly<Record<string, unknown>>): void => {
    if (typeof headers['grpc-status'] === 'string') status = headers['grpc-status'];
  };
  stream.on('response', note);
  stream.on('trailers', note);
  stream.on('data', (chunk: Buffer) => reader.push(chunk, (whole) => (message ??= whole)));
  stream.on('error', (error: Error) => resolve({ kind: 'unreachable', reason: error.message }));
  stream.on('end', () => resolve(replyOf(status, message)));
}

function replyOf(status: string | undefined, message: Buffer | undefined): HealthReply {
  if (status === NOT_FOUND) return { kind: 'unknown_service' };
  const told = status === '0' && message !== undefined ? readReply(message) : undefined;
  if (told?.serving === SERVING) return { kind: 'serving' };
  if (told?.serving === NOT_SERVING)
    return { kind: 'not_serving', ...(told.reason !== undefined && { reason: told.reason }) };
  return { kind: 'unreachable', reason: 'what listens there does not answer as a verifier' };
}

/** HealthCheckResponse: status=1, and our reason. */
function readReply(message: Buffer): { readonly serving?: number; readonly reason?: string } | undefined {
  try {
    const reader = new WireReader(message);
    const told: { serving?: number; reason?: string } = {};
    while (reader.next()) {
      if (reader.field === 1) told.serving = reader.value;
      if (reader.field === REASON_FIELD) told.reason = reader.utf8();
    }
    return told;
  } catch {
    return undefined;
  }
}
