/**
 * What a hostile client costs the others: the latency of one producer's honest requests through a real Envoy, alone and
 * while another client attacks from a process of its own, in one run. Nothing is pinned: attacker, honest client, Envoy,
 * verifier and application share the machine, and on few cores the attacker's own work is a part of every ratio.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFederation, type Federation } from '../../tools/local-federation/federation.js';
import { doorOf } from '../e2e/support/door.js';
import { honestLoad, quantile, type HonestResult } from '../e2e/support/honest-load.js';
import { telemetry } from '../e2e/support/requests.js';
import { MemoryPeak } from '../support/resident-memory.js';
import { ATTACK_NAMES, type AttackName } from './attacks.js';
import { freeAllCores, pinClient } from './pinned-process.js';

const PER_SECOND = 50;
/** Until an attack is at its height; for the figure without one, until the compiler has settled. */
const BEFORE_SECONDS = 3;
const ATTACK_PROGRAM = join(import.meta.dirname, 'attack.js');

/** Of the honest requests, in milliseconds, and the share of them that was answered 202 at the first try. */
export interface HonestFigures {
  readonly p50: number;
  readonly p99: number;
  readonly answeredAtOnce: number;
}

export interface HostileFigures {
  readonly alone: HonestFigures;
  /** `done`: requests, connections or resets of the attacker, whatever the attack is made of. */
  readonly during: Readonly<Record<string, HonestFigures & { readonly done: number }>>;
  /** Honest p99 during each attack over that without one. */
  readonly p99Ratios: Readonly<Record<string, number>>;
  /** Of the verifier, over all attacks. */
  readonly peakResidentMegabytes: number;
}

/** Runs each for `seconds`. Throws when an honest request was not answered 202 in the end. */
export async function benchHostile(seconds: number): Promise<HostileFigures> {
  freeAllCores();
  const place = mkdtempSync(join(tmpdir(), 'csb-'));
  const federation = await startFederation({ stateDirectory: place, lifetime: 'caller' });
  const peak = new MemoryPeak(federation.pid('verifier') ?? NaN);
  try {
    await honest(federation, BEFORE_SECONDS);
    const alone = figuresOf(await honest(federation, seconds));
    const during: Record<string, HonestFigures & { readonly done: number }> = {};
    for (const name of ATTACK_NAMES) during[name] = await underAttack(federation, place, name, seconds);
    const ratios = Object.entries(during).map(([name, { p99 }]) => [name, p99 / alone.p99] as const);
    const peakResidentMegabytes = Math.round(peak.bytes / 1_048_576);
    return { alone, during, p99Ratios: Object.fromEntries(ratios), peakResidentMegabytes };
  } finally {
    peak.stop();
    await federation.stop();
    rmSync(place, { recursive: true, force: true });
    pinClient();
  }
}

function honest(federation: Federation, seconds: number): Promise<HonestResult[]> {
  const { producerA } = federation.credentials;
  const make = () => telemetry({ by: producerA });
  return honestLoad({ door: doorOf(federation), perSecond: PER_SECOND, seconds, make });
}

async function underAttack(
  federation: Federation,
  place: string,
  name: AttackName,
  seconds: number,
): Promise<HonestFigures & { readonly done: number }> {
  const attack = spawn(process.execPath, [ATTACK_PROGRAM, place, name], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  try {
    await nextLine(attack);
    await sleep(BEFORE_SECONDS * 1000);
    const figures = figuresOf(await honest(federation, seconds));
    attack.stdin.end();
    return { ...figures, done: Number(await nextLine(attack)) };
  } finally {
    attack.kill('SIGKILL');
  }
}

/** What the program says next. Rejects when it ends without a word. */
async function nextLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error('the output of the attack is not read');
  const [said] = (await Promise.race([
    once(stdout, 'data'),
    once(stdout, 'end').then(() => Promise.reject(new Error('the attack has ended'))),
  ])) as [Buffer];
  return said.toString('latin1').trim();
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
