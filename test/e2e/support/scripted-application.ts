/** An application that answers as the test tells it to, however wrong that is, and remembers what arrived. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OwnUpstream } from '../../../tools/local-federation/options.js';
import type { Arrival } from './stage.js';

/** Answers one request, or leaves it unanswered. */
export type Script = (response: ServerResponse, request: IncomingMessage) => void;

/** A whole answer with its length. */
export function answering(
  status: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): Script {
  return (response) => {
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...headers,
    });
    response.end(body);
  };
}

/** An answer in two chunks, of a length that nobody told. */
export function chunked(body: string | Buffer): Script {
  const bytes = Buffer.from(body);
  const half = Math.floor(bytes.length / 2);
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (half > 0) response.write(bytes.subarray(0, half));
    setTimeout(() => response.end(bytes.subarray(half)), 20);
  };
}

export class ScriptedApplication {
  readonly #server: Server;
  readonly #arrivals: Arrival[] = [];
  script: Script = answering(200, '[]');

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#take(request, response),
    );
  }

  static async start(): Promise<ScriptedApplication> {
    const application = new ScriptedApplication(createServer({ keepAliveTimeout: 600_000 }));
    await new Promise<void>((resolve) => application.#server.listen(0, '127.0.0.1', resolve));
    return application;
  }

  /** For the federation's `upstream`. */
  get address(): OwnUpstream {
    const { port } = this.#server.address() as AddressInfo;
    return { url: `http://127.0.0.1:${port}`, address: '127.0.0.1', port };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      // The stage reads what arrived as it does from the reference upstream.
      const isListing = request.url === '/_reference/requests';
      const script = isListing ? answering(200, JSON.stringify(this.#arrivals)) : this.script;
      if (!isListing) this.#arrivals.push(this.#arrival(request, Buffer.concat(chunks)));
      script(response, request);
    });
  }

  #arrival({ method = '', url = '', rawHeaders }: IncomingMessage, body: Buffer): Arrival {
    const headers: [string, string][] = [];
    for (let at = 0; at + 1 < rawHeaders.length; at += 2)
      headers.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
    return {
      sequence: this.#arrivals.length + 1,
      method,
      path: url,
      headers,
      body_sha256: createHash('sha256').update(body).digest('hex'),
    };
  }
}
