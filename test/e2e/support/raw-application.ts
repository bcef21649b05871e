/** An application as bare sockets: it can be away, reset connections, or answer what no HTTP library would write. */
import { createServer, type Server, type Socket } from 'node:net';
import type { OwnUpstream } from '../../../tools/local-federation/options.js';
import { anyFreePort } from './free-port.js';

const REACTIONS = {
  answers: (socket: Socket) => void socket.write('HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nhi'),
  'answers 503': (socket: Socket) =>
    void socket.write('HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n'),
  'cuts its answer': (socket: Socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf', () => socket.destroySoon()),
  'resets when asked': (socket: Socket) => socket.resetAndDestroy(),
  'resets at once': () => undefined,
  'answers nonsense': (socket: Socket) => void socket.write('nonsense\r\n\r\n'),
  'is silent': () => undefined,
  'is away': () => undefined,
} as const;

/** What it does with connections and requests. */
export type Behaviour = keyof typeof REACTIONS;

export class RawApplication {
  readonly #port: number;
  readonly #sockets = new Set<Socket>();
  #behaviour: Behaviour = 'answers';
  #server: Server | undefined;
  /** Times that bytes of a request arrived. */
  arrivals = 0;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(): Promise<RawApplication> {
    const application = new RawApplication(await anyFreePort());
    await application.#listen();
    return application;
  }

  /** For the federation's `upstream`. */
  get address(): OwnUpstream {
    return { url: `http://127.0.0.1:${this.#port}`, address: '127.0.0.1', port: this.#port };
  }

  /** From now on, on connections that are all new. */
  async become(behaviour: Behaviour): Promise<void> {
    await this.close();
    this.#behaviour = behaviour;
    if (behaviour !== 'is away') await this.#listen();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  async #listen(): Promise<void> {
    const server = createServer((socket) => this.#take(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => undefined);
    if (this.#behaviour === 'resets at once') socket.resetAndDestroy();
    socket.on('data', () => {
      this.arrivals++;
      REACTIONS[this.#behaviour](socket);
    });
  }
}
