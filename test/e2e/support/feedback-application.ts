/** An application that answers every feedback query with what the test has put into its hands. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OwnUpstream } from '../../../tools/local-federation/options.js';

/** The name under which a query says which answer it wants; only Envoy lies between, which passes it on. */
export const ANSWER_HEADER = 'x-test-answer';

/** Serves on a free port of loopback; `answers` by the number in `ANSWER_HEADER`. */
export class FeedbackApplication {
  readonly #server: Server;
  #answers: readonly string[] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (message, response) => {
      message.resume().on('end', () => {
        const body = Buffer.from(this.#answers[Number(message.headers[ANSWER_HEADER])] ?? '[]');
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
        response.end(body);
      });
    });
  }

  static async start(): Promise<FeedbackApplication> {
    const application = new FeedbackApplication(createServer({ keepAliveTimeout: 600_000 }));
    await new Promise<void>((resolve) => application.#server.listen(0, '127.0.0.1', resolve));
    return application;
  }

  /** For the federation's `upstream`. */
  get address(): OwnUpstream {
    const { port } = this.#server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}`, address: '127.0.0.1', port };
  }

  answerWith(answers: readonly string[]): void {
    this.#answers = answers;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
