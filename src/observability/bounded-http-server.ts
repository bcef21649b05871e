/**
 * What every plain HTTP port of ours has in common, whatever it answers: the connections, the time that a request may take
 * to arrive and the time that its answer may take to be read are bounded (docs/security-requirements.md#39).
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { whoGivesWay } from '../grpc/giving-way.js';

/** Where to listen. */
export interface HttpPlace {
  /** The section of the configuration that says so, for the sentence when it cannot be had. */
  readonly section: 'admin' | 'metrics';
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Whether a connection that asks twice is cut. Default: it may ask as often as it likes. */
  readonly oneRequest?: boolean;
}

const HEADERS_TIMEOUT_MILLISECONDS = 5_000;
/** Node looks at those time-outs every 30 s unless it is told. */
const TIMEOUTS_LOOKED_AT_MILLISECONDS = 1_000;
/** A scraper that takes longer has given up, or does not read. */
const ANSWER_MILLISECONDS = 15_000;
const MAX_CONNECTIONS = 64;

/** Listens; rejects with a plain sentence when the port cannot be had. */
export async function listenBounded(
  { section, host, port, oneRequest = false }: HttpPlace,
  answer: RequestListener,
): Promise<Server> {
  const timeouts = {
    headersTimeout: HEADERS_TIMEOUT_MILLISECONDS,
    requestTimeout: HEADERS_TIMEOUT_MILLISECONDS,
    connectionsCheckingInterval: TIMEOUTS_LOOKED_AT_MILLISECONDS,
  };
  const listener = oneRequest ? answerOnce(answer) : answer;
  const server = createServer(timeouts, listener);
  // Node would answer `Expect: other` with 417 by itself, past every rule of ours.
  server.on('checkExpectation', listener);
  boundConnections(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', ({ message }) =>
      reject(
        new Error(
          `cannot listen on ${section} ${host}:${port} (${message}); change ${section}.host or ${section}.port`,
        ),
      ),
    );
    server.listen(port, host, resolve);
  });
  return server;
}

/** A second request could come before the first answer is read, and ten thousand with it: none of them is looked at. */
function answerOnce(answer: RequestListener): RequestListener {
  const seen = new WeakSet<Socket>();
  return (request, response) => {
    const { socket } = request;
    if (seen.has(socket)) return void socket.destroy();
    seen.add(socket);
    response.shouldKeepAlive = false;
    answer(request, response);
  };
}

/** The oldest of who has the most gives way, not the newest: whoever opens connections keeps no probe and no scraper out. */
function boundConnections(server: Server): void {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    if (open.size > MAX_CONNECTIONS) whoGivesWay(open)?.destroy();
  });
}

/** Cuts the connection when the answer is not read in its time, from now on: by default 15 s. */
export function boundAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  milliseconds = ANSWER_MILLISECONDS,
): void {
  const limit = setTimeout(() => request.socket.destroy(), milliseconds).unref();
  response.once('close', () => clearTimeout(limit));
}
