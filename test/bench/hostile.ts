/**
 * What honest clients notice of hostile ones. One producer works at an even rate through Envoy, alone and then during
 * each kind of attack by another one. On a machine with few cores the attackers' own cost is a part of every ratio.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFederation, type Federation } from '../../examples/local-federation/federation.js';
import { PRODUCER_B } from '../../examples/local-federation/parties.js';
import { honestLoad, quantile, type HonestResult } from '../e2e/support/honest-load.js';
import {
  forgeries,
  rapidResets,
  silentConnections,
  slowBodies,
  slowClients,
  type Attacker,
  type Hostile,
} from '../e2e/support/hostile.js';
import { telemetry } from '../e2e/support/requests.js';
import { MemoryPeak } from '../support/resident-memory.js';

const PER_SECOND = 50;
const SILENT_CONNECTIONS = 5_000;
/** Until an attack is at its height; for the figure without one, until the compiler has settled. */
const BEFORE_SECONDS = 2;

const ATTACKS: Readonly<Record<string, (by: Attacker) => Hostile>> = {
  slow_clients: (by) => slowClients(by),
  slow_bodies: (by) => slowBodies(by),
  silent_connections: (by) => silentConnections(by, SILENT_CONNECTIONS),
  rapid_resets: (by) => rapidResets(by),
  forgeries: (by) => forgeries(by),
};

/** Of the honest requests, in milliseconds, and the share of them that was answered 202 at the first try. */
export interface HonestFigures {
  readonly p50: number;
  readonly p99: number;
  readonly answeredAtOnce: number;
}

export interface HostileFigures {
  readonly alone: HonestFigures;
  /** By attack. */
  readonly during: Readonly<Record<string, HonestFigures>>;
  /** Honest p99 during each attack over that without one. */
  readonly p99Ratios: Readonly<Record<string, number>>;
  /** Of the verifier, over all attacks. */
  readonly peakResidentMegabytes: number;
}

/** Runs each for `seconds`. Throws when an honest request was not answered 202 in the end. */
export async function benchHostile(seconds: number): Promise<HostileFigures> {
  const place = mkdtempSync(join(tmpdir(), 'csb-'));
  const federation = await startFederation({ stateDirectory: place, lifetime: 'caller' });
  const peak = new MemoryPeak(federation.pid('verifier') ?? NaN);
  try {
    const alone = await measure(federation, seconds);
    const during: Record<string, HonestFigures> = {};
    for (const [name, begin] of Object.entries(ATTACKS))
      during[name] = await measure(federation, seconds, begin);
    const ratios = Object.entries(during).map(([name, { p99 }]) => [name, p99 / alone.p99] as const);
    const peakResidentMegabytes = Math.round(peak.bytes / 1_048_576);
    return { alone, during, p99Ratios: Object.fromEntries(ratios), peakResidentMegabytes };
  } finally {
    peak.stop();
    await federation.stop();
    rmSync(place, { recursive: true, force: true });
  }
}

async function measure(
  { environment, credentials }: Federation,
  seconds: number,
  begin?: (by: Attacker) => Hostile,
): Promise<HonestFigures> {
  const port = Number(new URL(environment.COUNTERSIGN_URL).port);
  const door = { port, authority: credentials.authority };
  const { producerA, producerB } = credentials;
  const request = () => telemetry({ by: producerB, party: PRODUCER_B });
  const hostile = begin?.({ door, over: producerB, request });
  const honest = (duration: number): Promise<HonestResult[]> =>
    honestLoad({ door, perSecond: PER_SECOND, seconds: duration, make: () => telemetry({ by: producerA }) });
  try {
    if (hostile === undefined) await honest(BEFORE_SECONDS);
    else await sleep(BEFORE_SECONDS * 1000);
    return figuresOf(await honest(seconds));
  } finally {
    await hostile?.stop();
  }
}

function figuresOf(results: readonly HonestResult[]): HonestFigures {
  const refused = results.find(({ status }) => status !== 202);
  if (refused !== undefined) throw new Error(`an honest request ended with ${refused.status}`);
  const atOnce = results.filter(({ tries }) => tries === 1).length;
  return {
    p50: quantile(results, 0.5),
    p99: quantile(results, 0.99),
    answeredAtOnce: atOnce / results.length,
  };
}
