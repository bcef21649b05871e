/** A TLS server on loopback in the place of the gateway: wants a client certificate, answers as it is told. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TlsFiles } from './tls-files.js';

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A running double. */
export interface GatewayDouble {
  readonly url: string;
  readonly seen: SeenRequest[];
  /** What the next requests get; by default 202. */
  answer: (response: ServerResponse) => void;
  close(): Promise<void>;
}

/** Answers with a status, a body and headers. */
export function reply(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): GatewayDouble['answer'] {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

async function readWhole(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Starts it on a free port. */
export async function startGatewayDouble(files: TlsFiles, address = '127.0.0.1'): Promise<GatewayDouble> {
  const seen: SeenRequest[] = [];
  const server = createServer({
    key: readFileSync(files.server.keyFile),
    cert: readFileSync(files.server.certificateFile),
    ca: readFileSync(files.ca.certificateFile),
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.3',
  });
  const double: GatewayDouble = {
    url: '',
    seen,
    answer: reply(202, { accepted: true }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  server.on('request', (request, response) => {
    void readWhole(request).then((body) => {
      seen.push({ method: request.method, url: request.url, headers: request.headers, body });
      double.answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(double, { url: `https://localhost:${port}/internal/v1/telemetry` });
}
