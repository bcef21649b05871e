/**
 * The cheapest gRPC client: every call is written as HTTP/2 frames beforehand and sent as it lies in memory, and of
 * what comes back only frame headers are read. It takes a few per cent of what a check costs the verifier, so that
 * two verifiers on two cores can be measured from one of them.
 */
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';

/** RFC 9113 §4.1, §6. */
const FRAME_HEADER_BYTES = 9;
const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const INITIAL_WINDOW_BYTES = 65_535;
const LARGEST_INCREMENT = 2 ** 31 - 1 - INITIAL_WINDOW_BYTES;
/** RFC 7541, appendix A. */
const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
const GRPC_HEADER_BYTES = 5;

/** Calls that are ready to be sent on one connection. */
export interface PreparedCalls {
  readonly frames: Buffer;
  /** Where each call ends in `frames`. */
  readonly ends: readonly number[];
}

/** Writes the calls of one connection. A message has to fit one frame, 16 KiB. */
export function prepareCalls(path: string, messages: readonly Buffer[]): PreparedCalls {
  const headers = headerBlock(path);
  const parts: Buffer[] = [];
  const ends: number[] = [];
  let end = 0;
  messages.forEach((message, at) => {
    const stream = 2 * at + 1;
    const content = Buffer.alloc(GRPC_HEADER_BYTES + message.length);
    content.writeUInt32BE(message.length, 1);
    message.copy(content, GRPC_HEADER_BYTES);
    const call = Buffer.concat([
      frame(FRAME.headers, END_HEADERS, stream, headers),
      frame(FRAME.data, END_STREAM, stream, content),
    ]);
    parts.push(call);
    ends.push((end += call.length));
  });
  return { frames: Buffer.concat(parts), ends };
}

function headerBlock(path: string): Buffer {
  const literal = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
  const line = (name: string, value: string): Buffer =>
    Buffer.concat([Buffer.from([0]), literal(name), literal(value)]);
  return Buffer.concat([
    Buffer.from([METHOD_POST, SCHEME_HTTP]),
    line(':path', path),
    line(':authority', 'verifier'),
    line('content-type', 'application/grpc'),
    line('te', 'trailers'),
    line('grpc-timeout', '5000m'),
  ]);
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** How a connection is loaded. */
export interface RawLoadOptions {
  readonly socketPath: string;
  readonly inFlight: number;
  /** Tells an allow from a refusal by the message of the answer. */
  readonly isAllow: (message: Buffer) => boolean;
}

/** One connection under load. */
export class RawLoad {
  readonly #options: RawLoadOptions;
  readonly #socket: Socket;
  #calls: PreparedCalls = { frames: Buffer.alloc(0), ends: [] };
  #sent = 0;
  #answered = 0;
  #refused = 0;
  #windowBytes = INITIAL_WINDOW_BYTES;
  #rest: Buffer = Buffer.alloc(0);
  #done: (refused: number) => void = () => undefined;
  #failed: (error: Error) => void = () => undefined;

  constructor(options: RawLoadOptions) {
    this.#options = options;
    this.#socket = connect(options.socketPath);
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes));
    this.#socket.on('error', (error) => this.#failed(error));
    const increment = Buffer.alloc(4);
    increment.writeUInt32BE(LARGEST_INCREMENT);
    this.#socket.write(PREFACE);
    this.#socket.write(frame(FRAME.settings, 0, 0, Buffer.alloc(0)));
    this.#socket.write(frame(FRAME.windowUpdate, 0, 0, increment));
  }

  /** Sends every call, so many in flight; resolves with the number of answers that were no allow. Once. */
  run(calls: PreparedCalls): Promise<number> {
    this.#calls = calls;
    return new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#failed = reject;
      this.#send();
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(): void {
    const { frames, ends } = this.#calls;
    const start = ends[this.#sent - 1] ?? 0;
    let end = start;
    while (this.#sent < ends.length && this.#sent - this.#answered < this.#options.inFlight) {
      const next = ends[this.#sent] ?? end;
      if (next - end > this.#windowBytes) break;
      this.#windowBytes -= next - end;
      end = next;
      this.#sent += 1;
    }
    if (end > start) this.#socket.write(frames.subarray(start, end));
  }

  #take(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (at + FRAME_HEADER_BYTES <= all.length) {
      const end = at + FRAME_HEADER_BYTES + all.readUIntBE(at, 3);
      if (end > all.length) break;
      this.#handle(all, at, end);
      at = end;
    }
    this.#rest = all.subarray(at);
    if (this.#answered === this.#calls.ends.length && this.#sent > 0) this.#done(this.#refused);
    else this.#send();
  }

  #handle(all: Buffer, at: number, end: number): void {
    const flags = all[at + 4] ?? 0;
    const payload = at + FRAME_HEADER_BYTES;
    switch (all.readUInt8(at + 3)) {
      case FRAME.data:
        if (!this.#options.isAllow(all.subarray(payload + GRPC_HEADER_BYTES, end))) this.#refused += 1;
        return;
      case FRAME.headers:
        if ((flags & END_STREAM) !== 0) this.#answered += 1;
        return;
      case FRAME.windowUpdate:
        if (all.readUInt32BE(at + 5) === 0) this.#windowBytes += all.readUInt32BE(payload);
        return;
      case FRAME.settings:
        if ((flags & ACK) === 0) this.#socket.write(frame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
        return;
      case FRAME.ping:
        if ((flags & ACK) === 0)
          this.#socket.write(frame(FRAME.ping, ACK, 0, Buffer.from(all.subarray(payload, end))));
        return;
      case FRAME.reset:
      case FRAME.goAway:
        this.#failed(new Error('the server ended a call or the connection'));
    }
  }
}

/** Sends all calls, each list on its own connection, and gives the calls per second. Throws on a refusal. */
export async function callsPerSecond(
  calls: readonly PreparedCalls[],
  options: readonly RawLoadOptions[],
): Promise<number> {
  const loads = options.map((one) => new RawLoad(one));
  try {
    const started = performance.now();
    const refused = await Promise.all(
      loads.map((load, at) => load.run(calls[at] ?? { frames: Buffer.alloc(0), ends: [] })),
    );
    const seconds = (performance.now() - started) / 1000;
    const total = calls.reduce((sum, { ends }) => sum + ends.length, 0);
    if (refused.some((count) => count > 0))
      throw new Error(`${refused.join('+')} of ${total} honest checks were refused`);
    return total / seconds;
  } finally {
    for (const load of loads) load.close();
  }
}
