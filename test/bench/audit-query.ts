/**
 * What an id and a day of one tenant cost in a log of ten million records: makes the log in a temporary folder (7 GB), the
 * index over it, and asks. Not a part of `make bench`: `node dist/test/bench/audit-query.js [RECORDS]`.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { LogIndex } from '../../src/audit/read/log-index.js';
import { OpenedLog } from '../../src/audit/read/opened-log.js';
import { searchLog } from '../../src/audit/read/query.js';
import type { RecordFilter } from '../../src/audit/read/record-filter.js';
import { SealedLogWriter } from '../support/sealed-log.js';

const DAYS = 30;
const TENANTS = 20;
const IDENTITIES = 400;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 1);

const uuid = (seed: number): string => {
  const hex = ((seed * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0');
  return `${hex}-${hex.slice(0, 4)}-4${hex.slice(1, 4)}-8${hex.slice(2, 5)}-${String(seed).padStart(12, '0')}`;
};

function record(number: number, count: number): Buffer {
  const time = new Date(START_MS + (number / count) * DAYS * DAY_MS).toISOString();
  const identity = (number * 7919) % IDENTITIES;
  const hash = uuid(number).replaceAll('-', '').repeat(2);
  const isReplay = number % 50 === 49;
  return Buffer.from(
    `{"time":"${time}","event":"telemetry.${isReplay ? 'rejected' : 'accepted'}","decision_id":"${uuid(number)}",` +
      `"code":"${isReplay ? 'replayed_nonce' : 'allow'}","status":${isReplay ? 409 : 200},"method":"POST","path":"/v1/telemetry",` +
      `"request_id":"${uuid(number + 2 ** 31)}","identity":"producer-${identity}","kid":"k-${identity}-1","skew_seconds":-1,` +
      `"cert_sha256":"${hash}","tenant":"${uuid(identity % TENANTS)}","operator":"operator-${identity}","policy":"telemetry",` +
      `"attestation":"${hash}","nonce_hash":"${hash}",${isReplay ? `"first_decision_id":"${uuid(number - 40)}",` : ''}` +
      `"generation":3,"stage_us":{"read":12,"identity":3,"signature":71,"body":22,"claim":140,"record":61}}`,
  );
}

function timed<Result>(what: string, work: () => Result): Result {
  const start = performance.now();
  const result = work();
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `${what}: ${((performance.now() - start) / 1000).toFixed(2)} s, at most ${memory} MiB resident`,
  );
  return result;
}

function ask(what: string, log: OpenedLog, index: LogIndex, filter: RecordFilter): void {
  const found = timed(what, () => {
    let records = 0;
    for (const bundle of searchLog({ log, index, filter })) records += bundle.found.length;
    return records;
  });
  console.log(`  ${found} records`);
}

function measure(folder: string, count: number): void {
  timed(`writing ${count} records`, () => {
    const writer = new SealedLogWriter(folder);
    for (let number = 0; number < count; number++) writer.append(record(number, count));
    writer.seal();
  });
  const log = OpenedLog.open(folder);
  if (log === undefined) throw new Error('no log was written');
  const index = new LogIndex(log, { randomSeed: () => randomBytes(4).readUInt32BE() });
  timed('the index', () => {
    for (const segment of index.missing()) index.build(segment);
  });
  const files = readdirSync(join(folder, '.index')).map(
    (name) => statSync(join(folder, '.index', name)).size,
  );
  console.log(
    `  ${Math.round(files.reduce((sum, size) => sum + size, 0) / 2 ** 20)} MiB in ${files.length} files`,
  );
  for (let times = 0; times < 3; times++) ask('an id', log, index, { ids: [uuid(randomInt(count))] });
  ask('an id that is not there', log, index, { ids: ['none'] });
  const sinceMs = START_MS + 11 * DAY_MS;
  const tenant = { fields: new Map([['tenant', [uuid(3)]]] as const), sinceMs, untilMs: sinceMs + DAY_MS };
  ask('a day of one tenant', log, index, tenant);
  ask('a day of one code', log, index, {
    ...tenant,
    fields: new Map([['code', ['replayed_nonce']]] as const),
  });
}

const folder = mkdtempSync(join(tmpdir(), 'countersign-audit-query-'));
try {
  measure(folder, Number(process.argv[2] ?? 10_000_000));
} finally {
  rmSync(folder, { recursive: true });
}
