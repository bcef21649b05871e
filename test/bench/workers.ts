/**
 * What a second worker is worth: the whole verifier with lmdb, once with one worker and once with two, both free to
 * use every core, under the cheapest load there is, whose own time is part of what is measured. On two cores the
 * second worker shares its core with the load generator.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { workerSocketPaths } from '../../src/config/settings.js';
import { BODY_BYTES, CHECK_PATH, fingerprintOf, isAllow, serveCommand, startUpRuleEnds } from './checks.js';
import { benchProducer, checkRequestEncoder, signedTelemetry, type BenchProducer } from './messages.js';
import { cpuSecondsOf, end, freeAllCores, pinClient, waitForFile } from './pinned-process.js';
import { callsPerSecond, prepareCalls } from './raw-load.js';

const WARM_UP_CHECKS = 12_000;
/** Of each connection; Envoy has one from each of its threads to each worker. */
const IN_FLIGHT = 32;

/** What was measured; figures of one machine, to be compared with each other alone. */
export interface WorkersResult {
  /** Median over the rounds of two workers' checks per second by one worker's. */
  readonly ratio: number;
  readonly checksPerSecond: { readonly one: number; readonly two: number };
  /** Of all worker processes, for each check. */
  readonly cpuMicroseconds: { readonly one: number; readonly two: number };
  /** Of the load generator, for each check: what it takes from the workers on a machine of two cores. */
  readonly clientMicroseconds: number;
  readonly cores: number;
}

interface Slice {
  readonly checksPerSecond: number;
  readonly cpuMicroseconds: number;
  readonly clientMicroseconds: number;
}

/** Runs the rounds, in which both are measured in turn. Throws when an honest request was refused. */
export async function benchWorkers(
  certificatePem: string,
  { rounds, checks }: { readonly rounds: number; readonly checks: number },
): Promise<WorkersResult> {
  const producer = benchProducer(certificatePem);
  const servers: Server[] = [];
  const slices: { readonly one: Slice; readonly two: Slice }[] = [];
  freeAllCores();
  try {
    for (const workers of [1, 2]) servers.push(await startServer(workers, producer));
    const [one, two] = servers as [Server, Server];
    for (const server of servers) await measure(server, producer, WARM_UP_CHECKS);
    for (let round = 0; round < rounds; round++)
      slices.push({ one: await measure(one, producer, checks), two: await measure(two, producer, checks) });
  } finally {
    for (const server of servers) await stopServer(server);
    pinClient();
  }
  return resultOf(slices);
}

function resultOf(slices: readonly { readonly one: Slice; readonly two: Slice }[]): WorkersResult {
  const of = (pick: (slice: { readonly one: Slice; readonly two: Slice }) => number): number => {
    const sorted = slices.map(pick).sort((left, right) => left - right);
    return sorted[Math.floor(sorted.length / 2)] ?? NaN;
  };
  return {
    ratio: of(({ one, two }) => two.checksPerSecond / one.checksPerSecond),
    checksPerSecond: { one: of(({ one }) => one.checksPerSecond), two: of(({ two }) => two.checksPerSecond) },
    cpuMicroseconds: { one: of(({ one }) => one.cpuMicroseconds), two: of(({ two }) => two.cpuMicroseconds) },
    clientMicroseconds: of(({ two }) => two.clientMicroseconds),
    cores: cpus().length,
  };
}

/** A server with so many workers, and where they listen. */
interface Server {
  readonly folder: string;
  readonly child: ChildProcess;
  readonly socketPaths: readonly string[];
}

async function startServer(workers: number, producer: BenchProducer): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const command = serveCommand(folder, { store: 'lmdb', workers }, producer);
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'ignore', 'inherit'] });
  const socketPaths = workerSocketPaths({ listen: { socketPath: join(folder, 'server.sock') }, workers });
  const server = { folder, child, socketPaths };
  try {
    for (const path of socketPaths) await waitForFile(path, child);
    await startUpRuleEnds();
    return server;
  } catch (error) {
    await stopServer(server);
    throw error;
  }
}

async function stopServer({ child, folder }: Server): Promise<void> {
  await end(child);
  rmSync(folder, { recursive: true, force: true });
}

/** The messages are signed and written down first; none of that is in the figures. */
async function measure(server: Server, producer: BenchProducer, checks: number): Promise<Slice> {
  const { child, socketPaths } = server;
  const fingerprint = fingerprintOf(producer);
  const encode = checkRequestEncoder(producer.certificatePem);
  const each = Math.floor(checks / socketPaths.length);
  const calls = socketPaths.map(() =>
    prepareCalls(
      CHECK_PATH,
      Array.from({ length: each }, () => encode(signedTelemetry(producer, BODY_BYTES, fingerprint))),
    ),
  );
  await delay(100);
  const serverSeconds = cpuOfAll(child);
  const client = process.cpuUsage();
  const rate = await callsPerSecond(
    calls,
    socketPaths.map((socketPath) => ({ socketPath, inFlight: IN_FLIGHT, isAllow })),
  );
  const { user, system } = process.cpuUsage(client);
  return {
    checksPerSecond: rate,
    cpuMicroseconds: ((cpuOfAll(child) - serverSeconds) / checks) * 1e6,
    clientMicroseconds: (user + system) / checks,
  };
}

/** Of the process and its workers, in seconds. */
function cpuOfAll({ pid = 0 }: ChildProcess): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
    .trim()
    .split(' ')
    .filter(Boolean);
  return [pid, ...children.map(Number)].reduce((sum, one) => sum + cpuSecondsOf(one), 0);
}
