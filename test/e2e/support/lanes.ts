/** Lasting connections to the door, over which many requests are sent. */
import { Agent, request } from 'node:https';
import { openHttp2, sendOn } from './http2-client.js';
import {
  ANSWER_MILLISECONDS,
  type Answer,
  type Door,
  type Outgoing,
  type Protocol,
  type TlsIdentity,
} from './outgoing.js';

/** One or several connections of one client. */
export interface Lane {
  /** Never rejects; see `Answer`. */
  send(outgoing: Outgoing): Promise<Answer>;
  close(): void;
}

/** HTTP/2: one connection. HTTP/1.1: kept alive, as many as requests are under way at once, up to this. */
const MAX_SOCKETS = 16;

/** Opens a lane; all that is sent over it shows this certificate. */
export function openLane(protocol: Protocol, door: Door, over: TlsIdentity): Lane {
  if (protocol === 'HTTP/1.1') return keepAliveLane(door, over);
  const session = openHttp2(door, over);
  return { send: (outgoing) => sendOn(session, outgoing), close: () => session.destroy() };
}

function keepAliveLane(door: Door, over: TlsIdentity): Lane {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    ca: door.authority,
    servername: 'localhost',
    ...(over.certificate !== undefined && { cert: over.certificate, key: over.certificateKey }),
  });
  return { send: (outgoing) => sendKeptAlive(agent, door, outgoing), close: () => agent.destroy() };
}

/** For whole bodies and a content-length, which is what a producer sends. */
function sendKeptAlive(
  agent: Agent,
  { port }: Door,
  { method, path, headers, body }: Outgoing,
): Promise<Answer> {
  return new Promise((resolve) => {
    const broken = (reason: string): void =>
      resolve({ status: 0, headers: new Map(), body: reason, interim: [] });
    const outgoing = request({ agent, host: '127.0.0.1', port, method, path });
    for (const [name, value] of headers) outgoing.setHeader(name, value);
    outgoing.setTimeout(ANSWER_MILLISECONDS, () => outgoing.destroy(new Error('no answer in time')));
    outgoing.on('error', (error) => broken(error.message));
    outgoing.on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', (error) => broken(error.message));
      answer.on('end', () => {
        const lines = Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as const);
        const text = Buffer.concat(chunks).toString();
        resolve({ status: answer.statusCode ?? 0, headers: new Map(lines), body: text, interim: [] });
      });
    });
    outgoing.end(body);
  });
}
