/** Which ports a federation uses: the one that was asked for, and free ones that stay the same from run to run. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { FederationFault } from './fault.js';
import type { Layout } from './layout.js';
import { readIfThere, writePrivateFile } from './write-file.js';

/** By what listens there. */
export interface Ports {
  /** Envoy's TLS listener. */
  readonly listener: number;
  readonly envoyHealth: number;
  readonly envoyAdmin: number;
  readonly verifierAdmin: number;
  /** The reference upstream: where Envoy forwards to, and where its listings are. */
  readonly application: number;
  readonly listing: number;
}

/** The process that holds each port, as `processes.ts` names them. */
const HOLDERS = {
  listener: 'envoy',
  envoyHealth: 'envoy',
  envoyAdmin: 'envoy',
  verifierAdmin: 'verifier',
  application: 'upstream',
  listing: 'upstream',
} as const;

type PortName = keyof Ports;

/** Below the range from which the system gives out ports for outgoing connections, so that none of those takes one. */
const LOWEST_FREE = 20_000;
const HIGHEST_FREE = 32_000;
const TRIES = 200;

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      // A machine without IPv6 has nobody listening there.
      resolve(host === '::1' && (error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT'));
    });
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Whether nothing listens on this port of either loopback address: `localhost` means both to clients. */
export async function isFree(port: number): Promise<boolean> {
  return (await canListen(port, '127.0.0.1')) && canListen(port, '::1');
}

async function anyFree(taken: ReadonlySet<number>): Promise<number> {
  for (let count = 0; count < TRIES; count += 1) {
    const port = randomInt(LOWEST_FREE, HIGHEST_FREE);
    if (!taken.has(port) && (await isFree(port))) return port;
  }
  throw new FederationFault(
    `no free port between ${LOWEST_FREE} and ${HIGHEST_FREE}`,
    'stop what listens there; `ss -ltnp` shows it',
  );
}

function recorded(layout: Layout): ReadonlyMap<string, number> {
  try {
    const stored = JSON.parse(readIfThere(layout.portsFile) ?? '{}') as Record<string, unknown>;
    const valid = Object.entries(stored).filter((entry): entry is [string, number] =>
      Number.isInteger(entry[1]),
    );
    return new Map(valid);
  } catch {
    return new Map();
  }
}

/** What the choice depends on. */
export interface PortWishes {
  /** The TLS listener; undefined takes the port of the last run, or a free one. */
  readonly listener: number | undefined;
  /** Which of our processes run now: the ports that they hold are theirs to keep. */
  readonly running: ReadonlySet<string>;
}

/**
 * Chooses every port and records the choice. Throws a fault that names `PORT` when the wanted port is taken by
 * something that is not this federation.
 */
export async function choosePorts(layout: Layout, wishes: PortWishes): Promise<Ports> {
  const before = recorded(layout);
  const taken = new Set<number>();
  const choose = async (name: PortName): Promise<number> => {
    const last = before.get(name);
    const held = last !== undefined && wishes.running.has(HOLDERS[name]);
    const wanted = name === 'listener' ? wishes.listener : undefined;
    if (wanted !== undefined && !(held && last === wanted) && !(await isFree(wanted)))
      throw portInUse(wanted);
    const reusable = last !== undefined && !taken.has(last) && (held || (await isFree(last)));
    const port = wanted ?? (reusable ? last : await anyFree(taken));
    taken.add(port);
    return port;
  };
  const ports: Ports = {
    listener: await choose('listener'),
    envoyHealth: await choose('envoyHealth'),
    envoyAdmin: await choose('envoyAdmin'),
    verifierAdmin: await choose('verifierAdmin'),
    application: await choose('application'),
    listing: await choose('listing'),
  };
  writePrivateFile(layout.portsFile, `${JSON.stringify(ports)}\n`);
  return ports;
}

function portInUse(port: number): FederationFault {
  return new FederationFault(
    `port ${port} is in use by another program (or by a federation with another STATE_DIR)`,
    `choose another one, as in: make local-federation-up PORT=${port < 65_000 ? port + 1_000 : 8_443}`,
  );
}
