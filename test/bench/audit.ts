/**
 * What the audit log costs by itself: (h) of the benchmark. A program of its own on the server's core, as the log's
 * process, its sequencer's thread and the disk's work then share that core: `node dist/test/bench/audit.js DIRECTORY`
 * prints the figures of one run as JSON. Through the whole verifier it is measured in `checks.ts`.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BatchedLog } from '../../src/audit/batched-log.js';
import { prepareLog } from '../../src/audit/log/prepare.js';
import { startSequencer, type Sequencer } from '../../src/audit/log/sequencer.js';
import { openWriteAhead } from '../../src/audit/log/write-ahead.js';
import { gapLine } from '../../src/audit/record.js';
import { openFileWriter } from '../../src/audit/writers.js';
import { generateKeyPair } from '../../src/crypto/private-key.js';
import { canPin, SERVER_CORE } from './pinned-process.js';

const DURABLE_RECORDS = 50_000;
const MANY_RECORDS = 1_000_000;
const EVEN_RECORDS_PER_MS = 5;
const HELD_UP_SECONDS = 8;
/** Answers that wait for their records at once. */
const IN_FLIGHT = 64;
const SEED_BYTES = 32;

interface HeldUp {
  readonly p99: number;
  readonly worst: number;
}

export interface AuditFigures {
  /** Records a second that were acknowledged after their fsync, and sealed by the end. */
  readonly durableRecordsPerSecond: number;
  /** The same without fsync; and into a plain file, for comparison. */
  readonly recordsPerSecond: number;
  readonly plainRecordsPerSecond: number;
  /**
   * How late a timer of the loop that appends comes at 5,000 records a second, in milliseconds: with the log, whose sealing shares
   * the core, and into a plain file, where nothing is sealed.
   */
  readonly heldUpMs: { readonly log: HeldUp; readonly plain: HeldUp };
  /** Resident memory of the whole process after a million records, and what it had grown by since the first tenth of them. */
  readonly residentMegabytes: number;
  readonly grownMegabytes: number;
}

/** Runs the program on the server's core. */
export async function benchAudit(): Promise<AuditFigures> {
  const node = [process.execPath, '--expose-gc', fileURLToPath(import.meta.url), 'run'];
  const [command = '', ...rest] = canPin ? ['taskset', '-c', String(SERVER_CORE), ...node] : node;
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the audit benchmark ended with ${code}`);
  return JSON.parse(text) as AuditFigures;
}

/** One line as long as that of a telemetry decision. */
function recordOf(at: number): string {
  return `{"time":"2026-11-29T00:00:00.000Z","event":"telemetry.accepted","decision_id":"${String(at).padStart(36, '0')}","code":"allow","status":200,"pad":"${'x'.repeat(560)}"}\n`;
}

interface OpenLog {
  readonly log: BatchedLog;
  readonly sequencer: Sequencer;
}

async function openLog(directory: string, durability: 'process' | 'machine'): Promise<OpenLog> {
  const key = generateKeyPair(randomBytes(SEED_BYTES));
  const prepared = await prepareLog({ directory, origin: 'bench.example/log', key });
  const writer = openWriteAhead({ directory, durability });
  const log = new BatchedLog(writer, (lost) => gapLine(0, lost));
  const report = (): void => undefined;
  const sequencer = startSequencer({ ...prepared, secret: key.secret, report });
  return { log, sequencer };
}

/** Appends with so many in flight; gives milliseconds. */
async function append(log: BatchedLog, records: number): Promise<number> {
  const startedMs = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < records) await log.append(recordOf(next++));
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return performance.now() - startedMs;
}

async function inLog(place: string, durability: 'process' | 'machine', records: number): Promise<number> {
  const { log, sequencer } = await openLog(join(place, `${durability}-${records}`), durability);
  const startedMs = performance.now();
  await append(log, records);
  await log.close();
  await sequencer.sealNow();
  const milliseconds = performance.now() - startedMs;
  await sequencer.close();
  return (records * 1000) / milliseconds;
}

async function plain(place: string): Promise<number> {
  const log = new BatchedLog(openFileWriter(join(place, 'plain.ndjson')), (lost) => gapLine(0, lost));
  const milliseconds = await append(log, DURABLE_RECORDS);
  await log.close();
  return (DURABLE_RECORDS * 1000) / milliseconds;
}

/** At an even rate, as a verifier that is well loaded has it. */
async function heldUp(log: BatchedLog): Promise<HeldUp> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const endMs = performance.now() + HELD_UP_SECONDS * 1000;
  let appended = 0;
  delay.enable();
  const startedMs = performance.now();
  while (performance.now() < endMs) {
    for (; appended < (performance.now() - startedMs) * EVEN_RECORDS_PER_MS; appended++)
      void log.append(recordOf(appended));
    await sleep(1);
  }
  delay.disable();
  const ms = (nanoseconds: number): number => nanoseconds / 1e6;
  return { p99: ms(delay.percentile(99)), worst: ms(delay.max) };
}

async function benchHeldUp(place: string): Promise<AuditFigures['heldUpMs']> {
  const plainLog = new BatchedLog(openFileWriter(join(place, 'even.ndjson')), (lost) => gapLine(0, lost));
  await heldUp(plainLog);
  const plain = await heldUp(plainLog);
  await plainLog.close();
  const { log, sequencer } = await openLog(join(place, 'even'), 'process');
  const withLog = await heldUp(log);
  await log.close();
  await sequencer.close();
  return { log: withLog, plain };
}

async function many(place: string): Promise<Pick<AuditFigures, 'residentMegabytes' | 'grownMegabytes'>> {
  const { log, sequencer } = await openLog(join(place, 'many'), 'process');
  await append(log, MANY_RECORDS / 10);
  const before = residentMegabytes();
  await append(log, MANY_RECORDS - MANY_RECORDS / 10);
  const after = residentMegabytes();
  await log.close();
  await sequencer.close();
  return { residentMegabytes: after, grownMegabytes: after - before };
}

function residentMegabytes(): number {
  global.gc?.();
  return Math.round(process.memoryUsage.rss() / 1_048_576);
}

if (process.argv[2] === 'run') {
  const place = mkdtempSync(join(tmpdir(), 'csb-'));
  try {
    await inLog(place, 'process', DURABLE_RECORDS);
    const figures: AuditFigures = {
      plainRecordsPerSecond: await plain(place),
      recordsPerSecond: await inLog(place, 'process', DURABLE_RECORDS * 2),
      durableRecordsPerSecond: await inLog(place, 'machine', DURABLE_RECORDS),
      heldUpMs: await benchHeldUp(place),
      ...(await many(place)),
    };
    process.stdout.write(JSON.stringify(figures));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
