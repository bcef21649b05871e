/**
 * How the cost of a check grows: `make bench PART=growth OF=body|identities|policies|nonces|workers`. Everything that is
 * compared runs at once and gets short slices of load in turn; what counts is processor time. The configuration with most
 * in it starts in half a minute. A table on standard output; figures and a plot in bench-results/growth-….
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plot, type Curve, type Panel } from '../soak/plot.js';
import { BODY_BYTES } from './checks.js';
import { GrownServer, manyPolicies, manyProducers, startGrown } from './growth-servers.js';
import { growNonces } from './growth-nonces.js';
import { pinClient } from './pinned-process.js';
import { median, option, throwAwayCertificate } from './support.js';
import { benchWorkers } from './workers.js';

/** One size by name of what was measured there. */
export type Row = Readonly<Record<string, number>>;

const RESULTS_FOLDER = 'bench-results';
const KIB = 1_024;
const BODIES = [1, 4, 16, 64, 256, 1_024].map((kib) => kib * KIB);
/** The schema takes 100,000; a configuration file may have 8 MiB, which 38,000 of these fill. */
const IDENTITIES = [10, 100, 1_000, 10_000, 30_000];
const POLICIES = [1, 10, 100, 1_000];
const CHECKS = 400;
const WARM_UP_CHECKS = 8_000;
/** Of a slice with large bodies, together. */
const SLICE_BYTES = 24 * KIB * KIB;
const ROUNDS = option('BENCH_ROUNDS', 7);

/** By size: the median over the rounds, of servers that take turns. */
async function inTurn(servers: readonly GrownServer[]): Promise<Row[]> {
  for (const server of servers) await server.microseconds(WARM_UP_CHECKS, BODY_BYTES);
  const taken = servers.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++)
    for (const [at, server] of servers.entries())
      taken[at]?.push(await server.microseconds(CHECKS, BODY_BYTES));
  return servers.map((server, at) => ({
    size: server.size,
    'µs a check': median(taken[at] ?? []),
    'seconds to start': server.startSeconds,
    'MB resident': server.residentMegabytes(),
  }));
}

async function ofServers(
  sizes: readonly number[],
  start: (size: number) => Promise<GrownServer>,
): Promise<Row[]> {
  const servers: GrownServer[] = [];
  try {
    for (const size of sizes) servers.push(await start(size));
    return await inTurn(servers);
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function ofBodies(): Promise<Row[]> {
  const server = await startGrown(1, manyProducers(throwAwayCertificate(), 1), {});
  try {
    await server.microseconds(WARM_UP_CHECKS, BODY_BYTES);
    const taken = BODIES.map((): number[] => []);
    for (let round = 0; round < ROUNDS; round++)
      for (const [at, bytes] of BODIES.entries())
        taken[at]?.push(await server.microseconds(Math.min(CHECKS, Math.ceil(SLICE_BYTES / bytes)), bytes));
    return BODIES.map((size, at) => {
      const microseconds = median(taken[at] ?? []);
      return { size, 'µs a check': microseconds, 'MB of bodies a second of the core': size / microseconds };
    });
  } finally {
    await server.stop();
  }
}

function ofIdentities(): Promise<Row[]> {
  const certificate = throwAwayCertificate();
  return ofServers(IDENTITIES, (size) => startGrown(size, manyProducers(certificate, size), {}));
}

function ofPolicies(): Promise<Row[]> {
  const producers = manyProducers(throwAwayCertificate(), 1);
  return ofServers(POLICIES, (size) => startGrown(size, producers, { policies: manyPolicies(size - 1) }));
}

async function ofWorkers(): Promise<Row[]> {
  const found = await benchWorkers(throwAwayCertificate(), { rounds: ROUNDS, checks: 4_000 });
  return (['one', 'two'] as const).map((name, at) => ({
    size: at + 1,
    'checks/s': found.checksPerSecond[name],
    'µs a check': found.cpuMicroseconds[name],
  }));
}

const bytesMark = (bytes: number): string =>
  bytes < KIB * KIB ? `${bytes / KIB} KiB` : `${bytes / KIB / KIB} MiB`;
const countMark = (count: number): string => count.toLocaleString('en');

/** Panels are columns of a table, each with a scale of its own. */
const KINDS: Readonly<
  Record<
    string,
    { readonly measure: () => Promise<Row[]>; readonly what: string; readonly mark: (x: number) => string }
  >
> = {
  body: { measure: ofBodies, what: 'bytes of body', mark: bytesMark },
  identities: { measure: ofIdentities, what: 'identities', mark: countMark },
  policies: { measure: ofPolicies, what: 'policies', mark: countMark },
  nonces: { measure: growNonces, what: 'live nonces', mark: countMark },
  workers: { measure: ofWorkers, what: 'workers', mark: countMark },
};

function panelsOf(rows: readonly Row[], what: string): Panel[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => name !== 'size');
  return columns.map((name) => {
    const points = rows.flatMap((row): Curve['points'] =>
      row[name] === undefined ? [] : [[row['size'] ?? NaN, row[name]]],
    );
    return { title: `${name}, by ${what}`, curves: [{ name: '', points }] };
  });
}

pinClient();
const only = process.env['OF'];
if (only !== undefined && KINDS[only] === undefined)
  throw new Error(`OF is one of ${Object.keys(KINDS).join(', ')}`);
mkdirSync(RESULTS_FOLDER, { recursive: true });
for (const [kind, { measure, what, mark }] of Object.entries(KINDS)) {
  if (only !== undefined && only !== kind) continue;
  const rows = await measure();
  console.table(rows);
  const to = join(RESULTS_FOLDER, `growth-${kind}`);
  writeFileSync(`${to}.json`, `${JSON.stringify(rows, null, 2)}\n`);
  writeFileSync(`${to}.svg`, plot(panelsOf(rows, what), { isLogarithmic: true, mark }));
}
process.exit();
