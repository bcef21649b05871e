/** An application that comes and goes, and lists every request of which it got as much as the head. */
import { createServer, type Server } from 'node:http';
import type { OwnUpstream } from '../../../tools/local-federation/options.js';
import { anyFreePort } from './free-port.js';

const NONCE_HEADER = 'x-telemetry-nonce';

export class ComingApplication {
  /** The nonces of the requests that arrived, as often as they did. */
  readonly journal: string[] = [];
  readonly #port: number;
  #server: Server | undefined;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(): Promise<ComingApplication> {
    const application = new ComingApplication(await anyFreePort());
    await application.come();
    return application;
  }

  /** For the federation's `upstream`. */
  get address(): OwnUpstream {
    return { url: `http://127.0.0.1:${this.#port}`, address: '127.0.0.1', port: this.#port };
  }

  async come(): Promise<void> {
    const server = createServer((request, response) => {
      const nonce = request.headers[NONCE_HEADER];
      if (typeof nonce === 'string') this.journal.push(nonce);
      request.resume();
      response.writeHead(202).end();
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#server = server;
  }

  /** As if it were killed: nobody listens, and what is open is cut. */
  async go(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }
}
