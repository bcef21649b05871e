/**
 * A configuration as large as they come: how long the verifier takes to start with it, and how much longer a check
 * waits while such a file is reloaded, good or bad, than while nothing is. Nothing is pinned: the thread that loads, the
 * loop that serves and the load generator share the machine, as they do beside an Envoy.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { stringify } from 'yaml';
import { anyFreePort } from '../e2e/support/free-port.js';
import { manyIdentities, manyOperators } from '../e2e/support/many.js';
import {
  CHECK_PATH,
  BODY_BYTES,
  configurationOf,
  fingerprintOf,
  isAllow,
  MAIN,
  startUpRuleEnds,
} from './checks.js';
import { runEvenLoad, type EvenResult } from './even-calls.js';
import { benchProducer, checkRequestEncoder, signedTelemetry, type BenchProducer } from './messages.js';
import { end, freeAllCores, pinClient, waitForFile } from './pinned-process.js';

const COUNT = 20_000;
const PER_SECOND = 300;
const RELOADS = 2;
const ALONE_MILLISECONDS = 8_000;
/** Many times the target. */
const START_LIMIT_MILLISECONDS = 60_000;
/** Until the compiler has settled. */
const WARM_UP_MILLISECONDS = 3_000;
/** Prometheus is more patient; this one scrapes in every slice as well. */
const SCRAPE_MILLISECONDS = 1_000;

/** What was measured; times in milliseconds. */
export interface LargeFigures {
  readonly startSeconds: { readonly one: number; readonly large: number };
  readonly alone: EvenResult;
  readonly whileApplied: EvenResult;
  readonly whileRefused: EvenResult;
  /** Of one reload, until its answer; the rest that is left between two of them counts. */
  readonly reloadSeconds: { readonly applied: number; readonly refused: number };
}

/** Throws when a reload ended otherwise than it should. */
export async function benchLarge(certificatePem: string): Promise<LargeFigures> {
  const producer = benchProducer(certificatePem);
  const folder = mkdtempSync(join(tmpdir(), 'csb-'));
  freeAllCores();
  const server = new LargeServer(folder, producer, await anyFreePort());
  try {
    const one = await server.start(server.text({}));
    await server.stop();
    const files = server.largeFiles();
    const large = await server.start(files.good);
    await startUpRuleEnds();
    await server.underLoad(() => pause(WARM_UP_MILLISECONDS));
    const alone = await server.underLoad(() => pause(ALONE_MILLISECONDS));
    const applied = await server.reloads(files.good, 200);
    const refused = await server.reloads(files.bad, 422);
    return {
      startSeconds: { one, large },
      alone,
      whileApplied: applied.load,
      whileRefused: refused.load,
      reloadSeconds: { applied: applied.seconds, refused: refused.seconds },
    };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
    pinClient();
  }
}

/** How much longer the checks of one slice waited than those of another, in milliseconds. */
export function addedBy(
  slice: EvenResult,
  alone: EvenResult,
): Readonly<Record<'p50' | 'p99' | 'max', number>> {
  return { p50: slice.p50 - alone.p50, p99: slice.p99 - alone.p99, max: slice.max - alone.max };
}

const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

export class LargeServer {
  readonly #folder: string;
  readonly #producer: BenchProducer;
  readonly #adminPort: number;
  readonly #socketPath: string;
  #child: ChildProcess | undefined;

  constructor(folder: string, producer: BenchProducer, adminPort: number) {
    this.#folder = folder;
    this.#producer = producer;
    this.#adminPort = adminPort;
    this.#socketPath = join(folder, 'server.sock');
  }

  /** The producer's configuration, with more in it. */
  text({ identities = [], operators = {} }: { identities?: object[]; operators?: object }): string {
    const small = configurationOf({ store: 'memory', workers: 1 }, this.#producer);
    return stringify({
      ...small,
      admin: { port: this.#adminPort },
      operators: { ...small.operators, ...operators },
      identities: [...small.identities, ...identities],
    });
  }

  /** Of 20,000 identities with an operator, a pin and a key of their own that end some day, and of bad operators. */
  largeFiles(): { readonly good: string; readonly bad: string } {
    const notAfter = new Date(Date.now() + 300 * 86_400_000).toISOString();
    const identities = manyIdentities(COUNT).map(({ certificates, keys, ...identity }) => ({
      ...identity,
      certificates: certificates.map((pin) => ({ ...pin, notAfter })),
      keys: keys.map((key) => ({ ...key, notAfter })),
    }));
    return {
      good: this.text({ identities, operators: manyOperators(COUNT, '-') }),
      bad: this.text({ operators: manyOperators(COUNT, '') }),
    };
  }

  #write(text: string): string {
    const file = join(this.#folder, 'countersign.yaml');
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
    return file;
  }

  /** Resolves with the seconds until it listens. */
  async start(text: string): Promise<number> {
    const startedMs = performance.now();
    const command = [MAIN, 'serve', '--config', this.#write(text)];
    // A hundred problems of each refused reload are no output of a benchmark.
    this.#child = spawn(process.execPath, command, { stdio: 'ignore' });
    await waitForFile(this.#socketPath, this.#child, START_LIMIT_MILLISECONDS);
    return (performance.now() - startedMs) / 1000;
  }

  async stop(): Promise<void> {
    if (this.#child !== undefined) await end(this.#child);
    this.#child = undefined;
  }

  /** Checks at an even rate for as long as the work takes, and a scrape each second. */
  async underLoad(work: () => Promise<void>): Promise<EvenResult> {
    const fingerprint = fingerprintOf(this.#producer);
    const encode = checkRequestEncoder(this.#producer.certificatePem);
    const scrapes = setInterval(() => void this.#scrape().catch(() => undefined), SCRAPE_MILLISECONDS);
    try {
      return await runEvenLoad({
        socketPath: this.#socketPath,
        grpcPath: CHECK_PATH,
        perSecond: PER_SECOND,
        make: () => encode(signedTelemetry(this.#producer, BODY_BYTES, fingerprint)),
        isAllow,
        until: work(),
      });
    } finally {
      clearInterval(scrapes);
    }
  }

  /** Of this file, one after the other, under load, each with a scrape behind it. */
  async reloads(
    text: string,
    status: number,
  ): Promise<{ readonly load: EvenResult; readonly seconds: number }> {
    let seconds = 0;
    const load = await this.underLoad(async () => {
      this.#write(text);
      for (let count = 0; count < RELOADS; count++) {
        const startedMs = performance.now();
        const answer = await fetch(this.#admin('/reload'), { method: 'POST' });
        await answer.arrayBuffer();
        seconds += (performance.now() - startedMs) / 1000 / RELOADS;
        if (answer.status !== status) throw new Error(`the reload was answered ${answer.status}`);
        await this.#scrape();
      }
    });
    return { load, seconds };
  }

  async #scrape(): Promise<void> {
    await (await fetch(this.#admin('/metrics'))).arrayBuffer();
  }

  #admin(path: string): string {
    return `http://127.0.0.1:${this.#adminPort}${path}`;
  }
}
