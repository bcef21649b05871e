/**
 * Two builds of the verifier against each other, for figures that a busy machine does not decide: both are started and
 * warmed once and get short slices of the same load in turn; what is compared is processor time, round by round.
 * Usage: node two-builds.js DIST_BEFORE DIST_AFTER [memory|lmdb|transport] [ROUNDS] [CHECKS]
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { BODY_BYTES, CHECK_PATH, fingerprintOf, isAllow, serveCommand, startUpRuleEnds } from './checks.js';
import { benchProducer, checkRequestEncoder, signedTelemetry } from './messages.js';
import { end, pinClient, startOnServerCore, threadSeconds, waitForFile } from './pinned-process.js';
import { callsPerSecond, prepareCalls } from './raw-load.js';
import { median, throwAwayCertificate } from './support.js';

const WARM_UP_CHECKS = 12_000;
const WARM_UP_SLICE = 2_000;
const IN_FLIGHT = 32;

const [, , before = '', after = '', kind = 'memory', rounds = '31', checks = '600'] = process.argv;
const producer = benchProducer(throwAwayCertificate());
const fingerprint = fingerprintOf(producer);
const encode = checkRequestEncoder(producer.certificatePem);

interface Build {
  readonly name: string;
  readonly folder: string;
  readonly child: ChildProcess;
  readonly slices: Slice[];
}

interface Slice {
  readonly microseconds: number;
  readonly perSecond: number;
}

async function start(name: string, dist: string): Promise<Build> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const child = startOnServerCore(commandOf(folder, resolve(dist)));
  await waitForFile(join(folder, 'server.sock'), child);
  return { name, folder, child, slices: [] };
}

function commandOf(folder: string, dist: string): string[] {
  if (kind === 'transport')
    return [
      join(dist, 'test/bench/comparison-server.js'),
      kind,
      join(folder, 'server.sock'),
      producer.publicKeyBase64,
    ];
  const served = { store: kind === 'lmdb' ? 'lmdb' : 'memory', workers: 1 } as const;
  const [, ...rest] = serveCommand(folder, served, producer);
  return [join(dist, 'src/main.js'), ...rest];
}

async function load({ folder, child }: Build, count: number): Promise<Slice> {
  const messages = Array.from({ length: count }, () =>
    encode(signedTelemetry(producer, BODY_BYTES, fingerprint)),
  );
  const calls = prepareCalls(CHECK_PATH, messages);
  const beganSeconds = threadSeconds(child);
  const socketPath = join(folder, 'server.sock');
  const perSecond = await callsPerSecond([calls], [{ socketPath, inFlight: IN_FLIGHT, isAllow }]);
  return { microseconds: ((threadSeconds(child) - beganSeconds) / count) * 1e6, perSecond };
}

function tell({ name, slices }: Build): void {
  const microseconds = median(slices.map((slice) => slice.microseconds));
  const perSecond = median(slices.map((slice) => slice.perSecond));
  process.stdout.write(`${name}: ${microseconds.toFixed(1)} µs a check, ${perSecond.toFixed(0)} checks/s\n`);
}

pinClient();
const builds: Build[] = [];
try {
  const base = await start('before', before);
  builds.push(base);
  const next = await start('after ', after);
  builds.push(next);
  await startUpRuleEnds();
  for (let sent = 0; sent < WARM_UP_CHECKS; sent += WARM_UP_SLICE)
    for (const build of builds) await load(build, WARM_UP_SLICE);
  for (let round = 0; round < Number(rounds); round++)
    // Whoever goes first in one round goes second in the next one.
    for (const build of round % 2 === 0 ? [base, next] : [next, base])
      build.slices.push(await load(build, Number(checks)));
  builds.forEach(tell);
  const pairs = base.slices.map((slice, at) => [slice.microseconds, next.slices[at]?.microseconds ?? NaN]);
  const ratios = pairs.map(([one = NaN, other = NaN]) => other / one);
  const differences = pairs.map(([one = NaN, other = NaN]) => other - one);
  process.stdout.write(
    `after by before, round by round: ${median(ratios).toFixed(3)}, ${median(differences).toFixed(1)} µs\n`,
  );
} finally {
  for (const { child, folder } of builds) {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  }
}
