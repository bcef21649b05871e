/** HTTP/1.1 over a bare TLS socket: it writes what it is told, bytes that no HTTP library would write included. */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAnswer } from './http1-answer.js';
import {
  ANSWER_MILLISECONDS,
  piecesOf,
  type Answer,
  type Door,
  type Outgoing,
  type TlsIdentity,
} from './outgoing.js';
import { openTls } from './tls-client.js';

/** Long enough for a piece to leave as a TLS record of its own. */
const BETWEEN_PIECES_MILLISECONDS = 20;

/** Sends the pieces over a connection of their own, one after the other. Never rejects; see `Answer`. */
export function sendBytes(
  door: Door,
  over: TlsIdentity,
  pieces: readonly Buffer[],
  toHead = false,
): Promise<Answer> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    let broken = 'the connection was closed';
    const socket = openTls(door, over, 'http/1.1');
    const settle = (answer: Answer): void => {
      clearTimeout(deadline);
      socket.destroy();
      resolve(answer);
    };
    const ended = (): void =>
      settle(
        parseAnswer(received, true, toHead) ?? { status: 0, headers: new Map(), body: broken, interim: [] },
      );
    const deadline = setTimeout(() => {
      broken = 'no answer in time';
      ended();
    }, ANSWER_MILLISECONDS);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const answer = parseAnswer(received, false, toHead);
      if (answer !== undefined) settle(answer);
    });
    socket.on('error', (error: Error) => (broken = error.message));
    socket.on('close', ended);
    socket.once('secureConnect', () => {
      void (async () => {
        for (const [index, piece] of pieces.entries()) {
          if (index > 0) await sleep(BETWEEN_PIECES_MILLISECONDS);
          if (!socket.writable) return;
          socket.write(piece);
        }
      })();
    });
  });
}

/** Sends one request on a connection of its own. */
export function sendHttp1(door: Door, outgoing: Outgoing): Promise<Answer> {
  const [first = Buffer.alloc(0), ...rest] = bodyPieces(outgoing);
  const pieces = [Buffer.concat([head(outgoing), first]), ...rest];
  return sendBytes(door, outgoing.over, pieces, outgoing.method === 'HEAD');
}

function head({ method, path, authority = 'localhost', headers, framing, body }: Outgoing): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${authority}`];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (framing === 'length') lines.push(`Content-Length: ${body.length}`);
  if (framing === 'unannounced') lines.push('Transfer-Encoding: chunked');
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function bodyPieces(outgoing: Outgoing): Buffer[] {
  if (outgoing.framing === 'none') return [];
  const pieces = piecesOf(outgoing);
  if (outgoing.framing === 'length') return pieces;
  const chunks = pieces
    .filter((piece) => piece.length > 0)
    .map((piece) =>
      Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n')]),
    );
  const trailers = (outgoing.trailers ?? []).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return [...chunks, Buffer.from(`0\r\n${trailers}\r\n`, 'latin1')];
}
