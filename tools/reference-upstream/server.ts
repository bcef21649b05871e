/** The reference upstream as a server: one port for Envoy, one with the listings for the person who looks. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { refusal, type Answer } from './answer.js';
import { answerRequest } from './application.js';
import { answerListing, isAskedHere, LISTING_PREFIX } from './listing.js';
import { RecordStore } from './record-store.js';
import { RequestJournal } from './request-journal.js';

/** Where it listens (loopback; port 0 takes a free one) and keeps its records. */
export interface ReferenceUpstreamOptions {
  /** The port that Envoy forwards to: the application alone. */
  readonly applicationPort: number;
  /** The application again, and `/_reference/`. Requests through Envoy cannot get here. */
  readonly listingPort: number;
  readonly directory: string;
}

/** A running reference upstream. */
export interface ReferenceUpstream {
  readonly applicationPort: number;
  readonly listingPort: number;
  /** Stops accepting, waits for what is under way and closes the database. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Far longer than Envoy keeps an idle connection: the side that sends must be the one that closes. */
const KEEP_ALIVE_MILLISECONDS = 2 * 60 * 60 * 1000;

async function readBody(message: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function send(response: ServerResponse, answer: Answer): void {
  const body = Buffer.from(JSON.stringify(answer.body));
  response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

type Handler = (message: IncomingMessage) => Promise<Answer>;

function serve(handler: Handler): Server {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MILLISECONDS, maxHeaderSize: 128 * 1024 });
  server.on('request', (message, response) => {
    handler(message).then(
      (answer) => send(response, answer),
      () => send(response, refusal(500, 'internal_error', 'The application failed.')),
    );
  });
  return server;
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await closed;
}

/** Starts both listeners on loopback. Rejects when a port is taken or the directory cannot be written. */
export async function startReferenceUpstream(options: ReferenceUpstreamOptions): Promise<ReferenceUpstream> {
  const store = new RecordStore(options.directory);
  const journal = new RequestJournal();
  const application: Handler = async (message) => {
    const body = await readBody(message);
    if (body === undefined) return refusal(413, 'body_too_large', 'The body is over 4 MiB.');
    const { method = '', url: path = '', rawHeaders } = message;
    journal.record({ method, path, rawHeaders, body }, Date.now());
    return answerRequest(message, body, store);
  };
  const looking: Handler = async (message) => {
    const { method = '', url: target = '' } = message;
    if (!target.startsWith(LISTING_PREFIX)) return application(message);
    if (!isAskedHere(message.headers)) return refusal(403, 'foreign', 'Only for this machine itself.');
    return answerListing(method, target, { journal, store });
  };
  const servers = [serve(application), serve(looking)] as const;
  return {
    applicationPort: await listen(servers[0], options.applicationPort),
    listingPort: await listen(servers[1], options.listingPort),
    close: async () => {
      await Promise.all(servers.map(closeServer));
      await store.close();
    },
  };
}
