/**
 * HTTP/2 frame by frame (RFC 9113), for what `node:http2` would not send. Headers go out as HPACK literals (RFC 7541,
 * section 6.2.2); of the answer only the status and the data are read.
 */
import {
  ANSWER_MILLISECONDS,
  type Answer,
  type Door,
  type HeaderLine,
  type TlsIdentity,
} from './outgoing.js';
import { openTls } from './tls-client.js';

/** What a client begins a connection with (RFC 9113, 3.4). */
export const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const STREAM = 1;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, goAway: 7 } as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
const PADDED = 8;
const FRAME_HEAD_BYTES = 9;

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** SETTINGS that change nothing, and a reset of the first stream by its client. */
export const SETTINGS_FRAME = frame(TYPE.settings, 0, 0);
export const RESET_FRAME = frame(TYPE.reset, 0, STREAM, Buffer.of(0, 0, 0, 8));

/** HEADERS with these lines in this order, pseudo-headers among them. */
export function headersFrame(lines: readonly HeaderLine[], endStream: boolean): Buffer {
  const block = Buffer.concat(
    lines.map(([name, value]) => Buffer.concat([Buffer.of(0), text(name), text(value)])),
  );
  return frame(TYPE.headers, END_HEADERS | (endStream ? END_STREAM : 0), STREAM, block);
}

/** DATA, with so many bytes of padding if any. */
export function dataFrame(bytes: Buffer, endStream: boolean, padding?: number): Buffer {
  const end = endStream ? END_STREAM : 0;
  if (padding === undefined) return frame(TYPE.data, end, STREAM, bytes);
  return frame(
    TYPE.data,
    end | PADDED,
    STREAM,
    Buffer.concat([Buffer.of(padding), bytes, Buffer.alloc(padding)]),
  );
}

/** An HPACK string, not Huffman-coded (RFC 7541, sections 5.1 and 5.2). */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1');
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes]);
  const length = [127];
  let rest = bytes.length - 127;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.of(...length, rest), bytes]);
}

/** Sends these frames as the first stream of a connection of their own. Never rejects; see `Answer`. */
export function sendFrames(door: Door, over: TlsIdentity, frames: readonly Buffer[]): Promise<Answer> {
  return new Promise((resolve) => {
    let received: Buffer = Buffer.alloc(0);
    const reading = { status: 0, body: '', ended: false };
    const socket = openTls(door, over, 'h2');
    const settle = (): void => {
      clearTimeout(deadline);
      socket.destroy();
      resolve({ status: reading.status, headers: new Map(), body: reading.body, interim: [] });
    };
    const deadline = setTimeout(settle, ANSWER_MILLISECONDS);
    socket.on('error', () => undefined);
    socket.on('close', settle);
    socket.on('data', (chunk: Buffer) => {
      received = readFrames(Buffer.concat([received, chunk]), reading, () =>
        socket.write(frame(TYPE.settings, ACK, 0)),
      );
      if (reading.ended) settle();
    });
    socket.once('secureConnect', () =>
      socket.write(Buffer.concat([HTTP2_PREFACE, SETTINGS_FRAME, ...frames])),
    );
  });
}

interface Reading {
  status: number;
  body: string;
  ended: boolean;
}

/** Takes in whole frames and returns the bytes that are left. */
function readFrames(bytes: Buffer, reading: Reading, acknowledge: () => void): Buffer {
  let at = 0;
  while (bytes.length - at >= FRAME_HEAD_BYTES) {
    const end = at + FRAME_HEAD_BYTES + bytes.readUIntBE(at, 3);
    if (bytes.length < end) break;
    const type = bytes.readUInt8(at + 3);
    const flags = bytes.readUInt8(at + 4);
    const payload = bytes.subarray(at + FRAME_HEAD_BYTES, end);
    if (type === TYPE.settings && (flags & ACK) === 0) acknowledge();
    if (type === TYPE.headers && reading.status === 0) reading.status = statusOf(payload);
    if (type === TYPE.data) reading.body += payload.toString();
    const endsHere = (type === TYPE.data || type === TYPE.headers) && (flags & END_STREAM) !== 0;
    reading.ended ||= endsHere || type === TYPE.reset || type === TYPE.goAway;
    at = end;
  }
  return bytes.subarray(at);
}

/** Statuses of HPACK's static table, from index 8. */
const STATIC_STATUSES = [200, 204, 206, 304, 400, 404, 500];

/** `:status` comes first; on a new connection it is either in the static table or a literal under its name. */
function statusOf(block: Buffer): number {
  const first = block.readUInt8(0);
  if (first >= 0x88 && first <= 0x8e) return STATIC_STATUSES[first - 0x88] ?? 0;
  if (![0x48, 0x08, 0x18].includes(first)) throw new Error(`a header block that begins with ${first}`);
  const length = block.readUInt8(1);
  const value = block.subarray(2, 2 + (length & 127));
  return Number(length > 127 ? digitsOfHuffman(value) : value.toString());
}

/** The digits in HPACK's Huffman code (RFC 7541, appendix B). */
const HUFFMAN_DIGITS = new Map([
  ['00000', '0'],
  ['00001', '1'],
  ['00010', '2'],
  ['011001', '3'],
  ['011010', '4'],
  ['011011', '5'],
  ['011100', '6'],
  ['011101', '7'],
  ['011110', '8'],
  ['011111', '9'],
]);

/** The three digits of a status. */
function digitsOfHuffman(bytes: Buffer): string {
  let digits = '';
  let code = '';
  for (const bit of [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')) {
    const digit = HUFFMAN_DIGITS.get((code += bit));
    if (digit === undefined) continue;
    digits += digit;
    code = '';
  }
  return digits.slice(0, 3);
}
