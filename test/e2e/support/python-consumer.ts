/** The consumer in Python (`test/python/consumer.py`) as a function: many answers in, a verdict on each out. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../../tools/local-federation/layout.js';
import { pythonWithCryptography } from './python.js';

/** One answer to be judged. */
export interface ConsumerTask {
  /** As it was delivered. */
  readonly body: Uint8Array;
  /** Unix seconds; absent: Python's own clock. */
  readonly now?: number;
  readonly executions?: readonly string[];
  readonly attestations?: readonly string[];
  /** What the upstream had answered, to be compared with what was delivered. */
  readonly upstream?: Uint8Array;
}

/** What the consumer makes of it. */
export type ConsumerVerdict =
  | {
      readonly accepted: true;
      readonly applied: readonly number[];
      readonly dropped: readonly (readonly [index: number, reason: string])[];
      readonly policy: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
      readonly unchanged?: boolean;
    }
  | { readonly accepted: false; readonly reason: string };

export interface ConsumerIs {
  /** JSON: kid → base64 of 32 bytes, or the path of a PEM public key. */
  readonly keyring: string;
  readonly tenant: string;
}

/** Looked for once: starting an interpreter to see what it can import takes its time. */
let python: string | undefined;

const MAX_OUTPUT_BYTES = 64 * 1_048_576;

/** Judges the answers one after the other in one process, which remembers the nonces. Throws what Python printed. */
export function consume({ keyring, tenant }: ConsumerIs, tasks: readonly ConsumerTask[]): ConsumerVerdict[] {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-consumer-'));
  try {
    const file = join(folder, 'keyring.json');
    writeFileSync(file, keyring);
    const script = join(repositoryRoot(), 'test', 'python', 'consumer.py');
    python ??= pythonWithCryptography();
    const run = spawnSync(python, [script, file, tenant], {
      input: tasks.map((task) => `${JSON.stringify(lineOf(task))}\n`).join(''),
      encoding: 'utf8',
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    if (run.status !== 0) throw new Error(`the consumer in Python failed: ${run.stderr}`);
    return run.stdout
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as ConsumerVerdict]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function lineOf({ body, now, executions = [], attestations = [], upstream }: ConsumerTask): object {
  return {
    body: Buffer.from(body).toString('base64'),
    now,
    execution_fingerprints: executions,
    attestation_measurement_hashes: attestations,
    upstream: upstream === undefined ? undefined : Buffer.from(upstream).toString('base64'),
  };
}
