/**
 * Checks per second of the full verifier against servers that do less: (a) and (b) of the benchmark. All servers
 * are started and warmed once; then every round gives each of them one short slice of load in turn, and a ratio
 * is taken within its round, so that a machine whose speed drifts does not decide the outcome.
 */
import { execFileSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { certificateFingerprints } from '../../src/crypto/certificate.js';
import { encodePrivateKey, generateKeyPair } from '../../src/crypto/private-key.js';
import { encodeAllow } from '../../src/envoy/ext-authz/check-response.js';
import { PROCESS_METHOD } from '../../src/envoy/ext-proc/stream.js';
import { runLoad, type LoadResult } from './grpc-load.js';
import { GAPS, loneCalls } from './lone.js';
import {
  benchPolicy,
  benchProducer,
  checkRequestEncoder,
  processingRequestEncoder,
  signedTelemetry,
  type BenchProducer,
} from './messages.js';
import { isOpa, OPA_KINDS, opaCommand, type OpaKind } from './opa.js';
import {
  end,
  onServerCore,
  startCommandOnServerCore,
  startOnServerCore,
  threadSeconds,
  waitForFile,
} from './pinned-process.js';
import { median } from './support.js';

/** Of the telemetry body. */
export const BODY_BYTES = 1_024;
/** Enough for the compiler to have settled, in servers of any size. */
const WARM_UP_CHECKS = 12_000;
/** Small enough that signing the messages beforehand does not fill the memory. */
const WARM_UP_SLICE = 3_000;
const IN_FLIGHT = 32;
/** The gRPC method that is measured. */
export const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';
/** The command. */
export const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const COMPARISON = fileURLToPath(new URL('comparison-server.js', import.meta.url));

const OWN_KINDS = [
  'transport',
  'verify',
  'grpc_js',
  'plain',
  'full_memory',
  'full_memory_ext_proc',
  'full_memory_log',
  'full_lmdb',
] as const;
type OwnKind = (typeof OWN_KINDS)[number];
export type Kind = OwnKind | OpaKind;
/** The servers, in the order in which a round runs them. */
export const KINDS: readonly Kind[] = [...OWN_KINDS, ...OPA_KINDS];

/** One server in one round. */
export interface ServerResult extends LoadResult {
  /** Microseconds of the server's core for each check: what the load generator's own speed cannot blur. */
  readonly cpuMicroseconds: number;
}

export type Round = Readonly<Record<OwnKind, ServerResult> & Partial<Record<OpaKind, ServerResult>>> & {
  /** Processor time of one libsodium verification of the same message, in a process of its own. */
  readonly bareVerificationMicroseconds: number;
  /** By server and pause in milliseconds (`lone.ts`): the median milliseconds of a check that comes alone. */
  readonly loneMilliseconds: Readonly<Record<LoneKind, Readonly<Record<string, number>>>>;
};

/** Of these it is measured how long a check takes that comes alone. */
export const LONE_KINDS = ['transport', 'full_memory', 'full_lmdb'] as const;
type LoneKind = (typeof LONE_KINDS)[number];
/** Of each pause in each round. */
const LONE_CHECKS = 15;
const BARE = fileURLToPath(new URL('bare-verification.js', import.meta.url));

/** Everything that the rounds share. */
export interface ChecksOptions {
  readonly rounds: number;
  readonly checksPerRound: number;
  readonly certificatePem: string;
  readonly report: (line: string) => void;
}

/** Runs the rounds. Throws when an honest request was refused: then nothing was measured. */
export async function benchChecks(options: ChecksOptions): Promise<Round[]> {
  const producer = benchProducer(options.certificatePem);
  const servers = new Map<Kind, BenchServer>();
  const rounds: Round[] = [];
  try {
    for (const kind of KINDS) servers.set(kind, await startServer(kind, producer));
    for (let number = 1; number <= options.rounds; number++) {
      const results = {} as Record<Kind, ServerResult>;
      for (const [kind, server] of servers)
        results[kind] = await measure(server, producer, options.checksPerRound);
      options.report(`round ${number}: ${KINDS.map((kind) => told(kind, results[kind])).join(', ')}`);
      rounds.push({
        ...results,
        bareVerificationMicroseconds: bareVerification(),
        loneMilliseconds: await loneChecks(servers, producer),
      });
    }
  } finally {
    for (const server of servers.values()) await stopServer(server);
  }
  return rounds;
}

function bareVerification(): number {
  const [command, args] = onServerCore([BARE]);
  return Number(execFileSync(command, args, { encoding: 'latin1' }));
}

async function loneChecks(
  servers: ReadonlyMap<Kind, BenchServer>,
  producer: BenchProducer,
): Promise<Round['loneMilliseconds']> {
  const encode = checkRequestEncoder(producer.certificatePem);
  const fingerprint = fingerprintOf(producer);
  const found = {} as Record<LoneKind, Record<string, number>>;
  for (const kind of LONE_KINDS) {
    found[kind] = {};
    for (const gap of GAPS) {
      const messages = Array.from({ length: LONE_CHECKS }, () =>
        encode(signedTelemetry(producer, BODY_BYTES, fingerprint)),
      );
      const { socketPath = '' } = servers.get(kind) ?? {};
      found[kind][`gap_${gap}_ms`] = median(await loneCalls(socketPath, CHECK_PATH, messages, gap));
    }
  }
  return found;
}

function told(kind: Kind, { checksPerSecond, cpuMicroseconds }: ServerResult): string {
  return `${kind} ${Math.round(checksPerSecond)}/s ${Math.round(cpuMicroseconds)} µs`;
}

/** A server that has been started and warmed. */
interface BenchServer {
  readonly kind: Kind;
  readonly folder: string;
  readonly socketPath: string;
  readonly child: ChildProcess;
}

async function startServer(kind: Kind, producer: BenchProducer): Promise<BenchServer> {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const socketPath = join(folder, 'server.sock');
  const child = isOpa(kind)
    ? startCommandOnServerCore(opaCommand(kind, folder, producer))
    : startOnServerCore(commandOf(kind, folder, producer));
  const server = { kind, folder, socketPath, child };
  try {
    await waitForFile(socketPath, child);
    if (kind.startsWith('full')) await startUpRuleEnds();
    for (let sent = 0; sent < WARM_UP_CHECKS; sent += WARM_UP_SLICE)
      await load(server, producer, WARM_UP_SLICE);
    return server;
  } catch (error) {
    await stopServer(server);
    throw error;
  }
}

function commandOf(kind: OwnKind, folder: string, producer: BenchProducer): string[] {
  if (!kind.startsWith('full'))
    return [COMPARISON, kind, join(folder, 'server.sock'), producer.publicKeyBase64];
  const store = kind === 'full_lmdb' ? 'lmdb' : 'memory';
  const audit = kind === 'full_memory_log' ? 'log' : 'file';
  return serveCommand(folder, { store, workers: 1, audit }, producer);
}

async function stopServer({ child, folder }: BenchServer): Promise<void> {
  await end(child);
  rmSync(folder, { recursive: true, force: true });
}

async function measure(server: BenchServer, producer: BenchProducer, checks: number): Promise<ServerResult> {
  const before = threadSeconds(server.child);
  const result = await load(server, producer, checks);
  return { ...result, cpuMicroseconds: ((threadSeconds(server.child) - before) / checks) * 1e6 };
}

async function load(
  { kind, socketPath }: BenchServer,
  producer: BenchProducer,
  checks: number,
): Promise<LoadResult> {
  const fingerprint = fingerprintOf(producer);
  const overExtProc = kind === 'full_memory_ext_proc';
  const encode = overExtProc
    ? processingRequestEncoder(producer.certificatePem, fingerprint)
    : checkRequestEncoder(producer.certificatePem, isOpa(kind) ? 'text' : 'raw');
  const messages = Array.from({ length: checks }, () =>
    encode(signedTelemetry(producer, BODY_BYTES, fingerprint)),
  );
  const front = overExtProc
    ? { grpcPath: PROCESS_METHOD, isAllow: isAllowedBody }
    : { grpcPath: CHECK_PATH, isAllow };
  const result = await runLoad({ socketPath, messages, inFlight: IN_FLIGHT, ...front });
  if (result.refused > 0) throw new Error(`${result.refused} of ${checks} honest checks were refused`);
  return result;
}

/** A store that has just been made refuses what could have been sent before it started (docs/security-requirements.md#16): a second, here. */
export async function startUpRuleEnds(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, (FUTURE_SKEW_SECONDS + 2) * 1000));
}

const FUTURE_SKEW_SECONDS = 1;

const AUDIT_SEED_BYTES = 32;
const AUDIT_KEY = 'audit.pem';
/** Where its records go. */
const AUDITS = {
  file: { file: 'audit.ndjson' },
  log: { log: { directory: 'audit-log', origin: 'bench.example/log', keyFile: AUDIT_KEY } },
};

/** What the verifier is measured with. */
export interface ServedWith {
  readonly store: 'memory' | 'lmdb';
  readonly workers: number;
  /** Default: `file`. */
  readonly audit?: 'file' | 'log';
}

/** Arguments of Node for the whole verifier in that folder, on `server.sock`. */
export function serveCommand(folder: string, served: ServedWith, producer: BenchProducer): string[] {
  const file = join(folder, 'countersign.yaml');
  const auditKey = generateKeyPair(randomBytes(AUDIT_SEED_BYTES));
  writeFileSync(join(folder, AUDIT_KEY), encodePrivateKey(auditKey, 'pem'), { mode: 0o600 });
  writeFileSync(file, stringify(configurationOf(served, producer)));
  return [MAIN, 'serve', '--config', file];
}

/** Its configuration; paths are relative to the folder that the file is in. */
export function configurationOf(
  { store, workers, audit = 'file' }: ServedWith,
  producer: BenchProducer,
): ReturnType<typeof benchPolicy> & Record<string, unknown> {
  return {
    version: 1,
    listen: { socket: 'server.sock', extProcVerify: true },
    workers,
    admin: { port: 0 },
    log: { level: 'error' },
    audit: { ...AUDITS[audit], onFailure: 'refuse' },
    freshness: { pastSkewSeconds: 120, futureSkewSeconds: FUTURE_SKEW_SECONDS },
    nonces: { store, ...(store === 'lmdb' && { directory: 'nonces' }) },
    ...benchPolicy(producer, fingerprintOf(producer)),
  };
}

/** SHA-256 of the producer's certificate, as it is pinned. */
export function fingerprintOf(producer: BenchProducer): string {
  const found = certificateFingerprints(producer.certificatePem);
  if (!found.ok) throw new Error('the benchmark certificate cannot be read');
  return found.certificateSha256;
}

/** google.rpc.Status { code: 0 }, written out, is how an allow of ours begins; a default reply leaves it empty. */
const OK_PREFIX = Buffer.from(encodeAllow([], [], {})).subarray(0, 4);
const EMPTY_STATUS = Buffer.from([0x0a, 0x00]);

/** ProcessingResponse.request_body (3), where a refusal is an immediate response (7). */
const BODY_ANSWER = (3 << 3) | 2;

function isAllowedBody(response: Buffer): boolean {
  return response[0] === BODY_ANSWER;
}

/** Tells an allow by how the answer begins. */
export function isAllow(response: Buffer): boolean {
  const begins = (prefix: Buffer): boolean => response.subarray(0, prefix.length).equals(prefix);
  return begins(OK_PREFIX) || begins(EMPTY_STATUS);
}
