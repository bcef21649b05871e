/**
 * `make bench`: every figure a ratio within one run. Prints a table and leaves the same, as JSON, in
 * bench-results/latest.json. Options by environment: BENCH_ROUNDS (15), BENCH_CHECKS (3000), BENCH_SECONDS (8), and
 * OPA_ENVOY_BIN, the binary of OPA-Envoy, which is then measured in the same rounds.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { selectEngine } from '../../src/crypto/engines.js';
import { benchAudit } from './audit.js';
import { benchChecks, KINDS, LONE_KINDS, type Kind, type Round } from './checks.js';
import { benchFeedback } from './feedback.js';
import { benchHostile } from './hostile.js';
import { addedBy, benchLarge } from './large.js';
import { GAPS } from './lone.js';
import { benchNonces } from './nonces.js';
import { canPin, pinClient } from './pinned-process.js';
import { OPA_KINDS } from './opa.js';
import { median, option, throwAwayCertificate } from './support.js';
import { benchWorkers } from './workers.js';
import { added, benchSigningThroughEnvoy, benchThroughEnvoy } from './through-envoy.js';

const RESULTS_FOLDER = 'bench-results';
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Of checks per second, round by round, then the median. */
function ratio(rounds: readonly Round[], of: Kind, against: Kind): number {
  const rate = (round: Round, kind: Kind): number => round[kind]?.checksPerSecond ?? NaN;
  return median(rounds.map((round) => rate(round, of) / rate(round, against)));
}

function cpuOf(rounds: readonly Round[], kind: Kind): number {
  return median(rounds.map((round) => round[kind]?.cpuMicroseconds ?? NaN));
}

/** What a full check takes beyond the bare verification in the same round, microseconds of processor time. */
function beyondCrypto(rounds: readonly Round[], kind: 'full_memory' | 'full_lmdb'): number {
  return median(rounds.map((round) => round[kind].cpuMicroseconds - round.bareVerificationMicroseconds));
}

/** By server and pause, over all rounds. */
function loneMilliseconds(rounds: readonly Round[]): Record<string, Record<string, number>> {
  return Object.fromEntries(
    LONE_KINDS.map((kind) => [
      kind,
      Object.fromEntries(
        GAPS.map((gap) => `gap_${gap}_ms`).map((name) => [
          name,
          median(rounds.map((round) => round.loneMilliseconds[kind][name] ?? NaN)),
        ]),
      ),
    ]),
  );
}

/** Where the time of a full check goes: each server does what the one before it does, and more. */
function stages(rounds: readonly Round[]): Record<string, number> {
  const cpu = (kind: Kind): number => cpuOf(rounds, kind);
  return {
    transport_us: cpu('transport'),
    verification_and_walk_us: cpu('verify') - cpu('transport'),
    decision_memory_store_and_record_us: cpu('full_memory') - cpu('verify'),
    lmdb_instead_of_memory_us: cpu('full_lmdb') - cpu('full_memory'),
    plain_server_us: cpu('plain'),
  };
}

pinClient();
if (!canPin) say('taskset is not here: servers and client share their cores, figures are noisier');
const nonces = await benchNonces();
const audit = await benchAudit();
const rounds = await benchChecks({
  rounds: option('BENCH_ROUNDS', 15),
  checksPerRound: option('BENCH_CHECKS', 3_000),
  certificatePem: throwAwayCertificate(),
  report: say,
});
const workers = await benchWorkers(throwAwayCertificate(), {
  rounds: Math.min(7, option('BENCH_ROUNDS', 15)),
  checks: 2 * option('BENCH_CHECKS', 3_000),
});
const envoy = await benchThroughEnvoy(option('BENCH_SECONDS', 8));
const signing = await benchSigningThroughEnvoy(option('BENCH_SECONDS', 8));
const feedback = benchFeedback();
const large = await benchLarge(throwAwayCertificate());
const hostile = await benchHostile(option('BENCH_SECONDS', 8));
const result = {
  machine: {
    node: process.versions.node,
    engine: selectEngine().name,
    cores: cpus().length,
    model: cpus()[0]?.model,
    pinned: canPin,
  },
  ratios: {
    full_memory_vs_plain: ratio(rounds, 'full_memory', 'plain'),
    full_lmdb_vs_plain: ratio(rounds, 'full_lmdb', 'plain'),
    ...(OPA_KINDS.length > 0 && {
      full_memory_vs_opa: ratio(rounds, 'full_memory', 'opa'),
      full_memory_vs_opa_best: ratio(rounds, 'full_memory', 'opa_best'),
      full_lmdb_vs_opa_best: ratio(rounds, 'full_lmdb', 'opa_best'),
    }),
    full_memory_ext_proc_vs_ext_authz: ratio(rounds, 'full_memory_ext_proc', 'full_memory'),
    full_memory_log_vs_file: ratio(rounds, 'full_memory_log', 'full_memory'),
    full_memory_vs_transport: ratio(rounds, 'full_memory', 'transport'),
    full_memory_vs_verify: ratio(rounds, 'full_memory', 'verify'),
    two_workers_vs_one: workers.ratio,
    signing_p50_with_vs_without: signing.with.p50 / signing.without.p50,
    signing_p99_with_vs_without: signing.with.p99 / signing.without.p99,
    canonical_vs_parse_and_print:
      feedback.canonicalMegabytesPerSecond / feedback.parseAndPrintMegabytesPerSecond,
    answer_of_ten_vs_bare_signature: feedback.answersPerSecond.ten / feedback.signaturesPerSecond,
    start_with_20000_identities_vs_one: large.startSeconds.large / large.startSeconds.one,
    check_p99_while_reloaded_vs_none: large.whileApplied.p99 / large.alone.p99,
    check_p99_while_refused_vs_none: large.whileRefused.p99 / large.alone.p99,
  },
  checks_per_second: Object.fromEntries(
    KINDS.map((kind) => [kind, median(rounds.map((round) => round[kind]?.checksPerSecond ?? NaN))]),
  ),
  cpu_us_per_check: Object.fromEntries(KINDS.map((kind) => [kind, cpuOf(rounds, kind)])),
  non_crypto_us_per_check: {
    bare_verification: median(rounds.map((round) => round.bareVerificationMicroseconds)),
    full_memory: beyondCrypto(rounds, 'full_memory'),
    full_lmdb: beyondCrypto(rounds, 'full_lmdb'),
  },
  lone_check_ms: loneMilliseconds(rounds),
  workers,
  stages_us: stages(rounds),
  envoy_added_ms: Object.fromEntries(Object.entries(envoy).map(([rate, both]) => [rate, added(both)])),
  envoy_added_by_allow_ms: Object.fromEntries(
    Object.entries(envoy).map(([rate, { allowing, without }]) => [rate, added({ with: allowing, without })]),
  ),
  envoy_ms: envoy,
  signing_added_ms: { ...added(signing) },
  signing_ms: signing,
  feedback,
  large_added_ms: {
    while_reloaded: addedBy(large.whileApplied, large.alone),
    while_refused: addedBy(large.whileRefused, large.alone),
  },
  large,
  nonces,
  audit,
  honest_p99_under_attack_vs_alone: hostile.p99Ratios,
  hostile: {
    alone: hostile.alone,
    ...hostile.during,
    verifier_peak_megabytes: hostile.peakResidentMegabytes,
  },
};
mkdirSync(RESULTS_FOLDER, { recursive: true });
writeFileSync(join(RESULTS_FOLDER, 'latest.json'), `${JSON.stringify(result, null, 2)}\n`);
for (const [group, figures] of Object.entries(result)) {
  say(`\n${group}`);
  for (const [name, value] of Object.entries(figures)) {
    const shown = typeof value === 'number' ? String(Math.round(value * 1000) / 1000) : JSON.stringify(value);
    say(`  ${name.padEnd(38)} ${shown}`);
  }
}
say(`\nleft in ${RESULTS_FOLDER}/latest.json`);
