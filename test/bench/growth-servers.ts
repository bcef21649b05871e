/** Verifiers whose configuration is as large as wanted, each loaded by up to a thousand of its producers in turn. */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { manyIdentities, manyOperators } from '../e2e/support/many.js';
import { residentBytes } from '../support/resident-memory.js';
import { CHECK_PATH, configurationOf, fingerprintOf, isAllow, MAIN, startUpRuleEnds } from './checks.js';
import { runLoad } from './grpc-load.js';
import {
  benchPolicy,
  benchProducer,
  checkRequestEncoder,
  signedTelemetry,
  type BenchProducer,
} from './messages.js';
import { end, startOnServerCore, threadSeconds, waitForFile } from './pinned-process.js';

/** So many send; the others are there. */
const SENDING = 1_000;
const START_LIMIT_MILLISECONDS = 120_000;
const IN_FLIGHT = 32;
/** So that what is in flight stays within the verifier's bound of messages. */
const IN_FLIGHT_BYTES = 4 * 1_048_576;

/** Those that send, and what the whole configuration has of identities. */
interface Producers {
  readonly sending: readonly BenchProducer[];
  readonly identities: readonly object[];
  readonly operators: Readonly<Record<string, string>>;
}

/** So many identities, each with a key of its own; those that send have an operator of their own, too. */
export function manyProducers(certificatePem: string, count: number): Producers {
  const operators = manyOperators(Math.min(count, SENDING), '-');
  const sending = Object.entries(operators).map(([operator, tenant], at) => ({
    ...benchProducer(certificatePem),
    identity: `sender-${at}`,
    operator,
    tenant,
  }));
  const silent = manyIdentities(count - sending.length).map((identity, at) => ({
    ...identity,
    // Short, as a configuration file is bounded.
    name: `s-${at}`,
    keys: identity.keys.map((key) => ({ ...key, kid: 'k' })),
    operators: [`operator-${at % sending.length}`],
  }));
  const fingerprint = sending[0] === undefined ? '' : fingerprintOf(sending[0]);
  const identities = [
    ...sending.flatMap((producer) => benchPolicy(producer, fingerprint).identities),
    ...silent,
  ];
  return { sending, identities, operators };
}

/** So many more of them, each with a path of its own. */
export function manyPolicies(count: number): object[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `other-${at}`,
    match: { methods: ['POST'], path: `/other/${at}` },
  }));
}

/** Starts one, on the core of servers, with the memory store. */
export async function startGrown(
  size: number,
  { sending, identities, operators }: Producers,
  { policies = [] }: { readonly policies?: readonly object[] },
): Promise<GrownServer> {
  const [first] = sending;
  if (first === undefined) throw new Error('somebody has to send');
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  const own = configurationOf({ store: 'memory', workers: 1 }, first);
  const configuration = { ...own, identities, operators, policies: [...policies, ...own.policies] };
  const file = join(folder, 'countersign.yaml');
  // JSON is YAML, and faster to write.
  writeFileSync(file, JSON.stringify(configuration));
  const startedMs = performance.now();
  const child = startOnServerCore([MAIN, 'serve', '--config', file]);
  const server = new GrownServer(size, child, folder, sending);
  try {
    await waitForFile(join(folder, 'server.sock'), child, START_LIMIT_MILLISECONDS);
    server.startSeconds = (performance.now() - startedMs) / 1000;
    await startUpRuleEnds();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** One that runs. */
export class GrownServer {
  startSeconds = NaN;
  readonly size: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #sending: readonly BenchProducer[];
  readonly #fingerprint: string;
  readonly #encode: ReturnType<typeof checkRequestEncoder>;

  constructor(size: number, child: ChildProcess, folder: string, sending: readonly BenchProducer[]) {
    this.size = size;
    this.#child = child;
    this.#folder = folder;
    this.#sending = sending;
    const certificate = sending[0]?.certificatePem ?? '';
    this.#fingerprint = sending[0] === undefined ? '' : fingerprintOf(sending[0]);
    this.#encode = checkRequestEncoder(certificate);
  }

  /** Processor time of a check, of so many. Throws when an honest one was refused. */
  async microseconds(checks: number, bodyBytes: number): Promise<number> {
    const messages = Array.from({ length: checks }, (_, at) => {
      const producer = this.#sending[at % this.#sending.length]!;
      return this.#encode(signedTelemetry(producer, bodyBytes, this.#fingerprint));
    });
    let refusal = '';
    const before = threadSeconds(this.#child);
    const { refused } = await runLoad({
      socketPath: join(this.#folder, 'server.sock'),
      grpcPath: CHECK_PATH,
      messages,
      inFlight: Math.min(IN_FLIGHT, Math.ceil(IN_FLIGHT_BYTES / bodyBytes)),
      isAllow: (response) => {
        const isGood = isAllow(response);
        if (!isGood) refusal = response.toString('latin1').replace(/[^ -~]+/g, ' ');
        return isGood;
      },
    });
    if (refused > 0)
      throw new Error(`${refused} of ${checks} honest checks were refused, one so: ${refusal}`);
    return ((threadSeconds(this.#child) - before) / checks) * 1e6;
  }

  residentMegabytes(): number {
    return residentBytes(this.#child.pid ?? NaN) / 1e6;
  }

  async stop(): Promise<void> {
    await end(this.#child);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
