/**
 * How fast a log is verified on one core: makes one in a temporary folder (0.5 GB for a million records), and verifies it three
 * times. Not a part of `make bench`: `node dist/test/bench/audit-verify.js [RECORDS]`.
 */
import { performance } from 'node:perf_hooks';
import { LogDirectory } from '../../src/audit/read/log-directory.js';
import { verifyLog } from '../../src/audit/read/verify-log.js';
import { parseVerifierKey } from '../../src/tlog/note.js';
import { LOG_VERIFIER_KEY, LogMaker } from '../support/log-maker.js';

const HASH = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08';

/** Of the size that records of allowed requests have. */
function record(index: number): Buffer {
  const id = `-0000-4000-8000-${String(index).padStart(12, '0')}`;
  return Buffer.from(
    `{"time":"2026-11-29T04:00:00.000Z","event":"telemetry.accepted","decision_id":"00000000${id}","code":"allow","status":200,` +
      `"method":"POST","path":"/v1/telemetry","request_id":"10000000${id}","identity":"producer-${index % 400}","kid":"k-1",` +
      `"cert_sha256":"${HASH}","tenant":"20000000${id}","operator":"operator-1","policy":"telemetry","nonce_hash":"${HASH}","generation":3}`,
  );
}

async function measure(log: LogMaker): Promise<void> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const { verified, faultCount } = await verifyLog({
    directory: new LogDirectory(log.directory),
    trust: { keys: [parseVerifierKey(LOG_VERIFIER_KEY)], policy: undefined },
    retained: [],
    onlyNew: false,
    minimumIndex: 0,
    isQuiet: true,
  });
  if (faultCount > 0) throw new Error(`${faultCount} faults`);
  const { user, system } = process.cpuUsage(cpu);
  const rate = (seconds: number): string => Math.round(verified / seconds).toLocaleString('en');
  const memory = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(
    `${rate((performance.now() - start) / 1000)} records/s, ${rate((user + system) / 1e6)} for each second of a core; at most ${memory} MiB resident`,
  );
}

const log = new LogMaker();
try {
  log.grow(Number(process.argv[2] ?? 1_000_000), record);
  console.log(`records of ${record(0).length} bytes`);
  for (let round = 0; round < 3; round++) await measure(log);
} finally {
  log.remove();
}
