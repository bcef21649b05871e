/** HTTP/2 by `node:http2`, one connection a request, with the say over where DATA frames begin. */
import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ANSWER_MILLISECONDS,
  piecesOf,
  type Answer,
  type Door,
  type HeaderLine,
  type Outgoing,
  type TlsIdentity,
} from './outgoing.js';

/** Long enough for a piece to leave as DATA frames of its own. */
const BETWEEN_PIECES_MILLISECONDS = 20;

/** A connection; errors of it come to its streams as well. `windowBytes`: what each stream may get unasked, 0 for none. */
export function openHttp2(door: Door, over: TlsIdentity, windowBytes?: number): ClientHttp2Session {
  const { address = '127.0.0.1' } = door;
  const host = address.includes(':') ? `[${address}]` : address;
  const session = connect(`https://${host}:${door.port}`, {
    ca: door.authority,
    servername: 'localhost',
    ...(windowBytes !== undefined && { settings: { initialWindowSize: windowBytes } }),
    ...(over.certificate !== undefined && { cert: over.certificate, key: over.certificateKey }),
  });
  session.on('error', () => undefined);
  return session;
}

/** Sends one request on a connection of its own. Never rejects; see `Answer`. */
export async function sendHttp2(door: Door, outgoing: Outgoing): Promise<Answer> {
  const session = openHttp2(door, outgoing.over);
  try {
    return await sendOn(session, outgoing);
  } finally {
    session.destroy();
  }
}

/** Sends one request as a stream of the connection; where thousands wait for their turn, with more patience. */
export function sendOn(
  session: ClientHttp2Session,
  outgoing: Outgoing,
  patienceMilliseconds = ANSWER_MILLISECONDS,
): Promise<Answer> {
  return new Promise((resolve) => {
    const { framing, trailers } = outgoing;
    const stream = session.request(linesOf(outgoing), {
      endStream: framing === 'none',
      waitForTrailers: trailers !== undefined,
    });
    const chunks: Buffer[] = [];
    let status = 0;
    let headers = new Map<string, string>();
    let broken = 'the stream was closed';
    const interim: number[] = [];
    const deadline = setTimeout(() => stream.destroy(new Error('no answer in time')), patienceMilliseconds);
    stream.on('headers', (head) => interim.push(head[':status'] ?? 0));
    stream.on('continue', () => interim.push(100));
    stream.on('response', (head) => {
      status = head[':status'] ?? 0;
      headers = new Map(Object.entries(head).map(([name, value]) => [name, String(value)]));
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (error: Error) => (broken = error.message));
    stream.on('wantTrailers', () => stream.sendTrailers(grouped(trailers ?? [])));
    const settle = (): void => {
      clearTimeout(deadline);
      const body = status === 0 ? broken : Buffer.concat(chunks).toString();
      resolve({ status, headers, body, interim });
    };
    stream.on('close', settle);
    // A refusal does not wait for the rest of the body, and neither does this client. What was sent whole is not reset:
    // Envoy ends a connection over which more than 1,000 resets come, 33 more for every second (nghttp2).
    stream.on('end', () => {
      settle();
      if (!stream.writableFinished) stream.close();
    });
    if (framing !== 'none') void writePieces(outgoing, stream);
  });
}

/** An answer may come, and end the stream, before all is written: a refusal does not wait. */
async function writePieces(outgoing: Outgoing, stream: NodeJS.WritableStream): Promise<void> {
  const pieces = piecesOf(outgoing);
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) await sleep(BETWEEN_PIECES_MILLISECONDS);
    if (!stream.writable) return;
    if (index === pieces.length - 1) stream.end(piece);
    else stream.write(piece);
  }
}

/** The lines of a request, pseudo-headers among them. */
export function linesOf({
  method,
  path,
  authority = 'localhost',
  headers,
  framing,
  body,
}: Outgoing): OutgoingHttpHeaders {
  return {
    ':method': method,
    ...(method !== 'CONNECT' && { ':path': path, ':scheme': 'https' }),
    ':authority': authority,
    ...grouped(headers),
    ...(framing === 'length' && { 'content-length': String(body.length) }),
  };
}

/** `node:http2` sends an array as that many lines. */
function grouped(lines: readonly HeaderLine[]): OutgoingHttpHeaders {
  const groups = new Map<string, string[]>();
  for (const [name, value] of lines) {
    const lower = name.toLowerCase();
    groups.set(lower, [...(groups.get(lower) ?? []), value]);
  }
  return Object.fromEntries(
    [...groups].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );
}
