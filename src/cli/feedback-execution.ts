/** What was run, as the command line says it: only adjustments for that are bound. */
import type { Command } from 'commander';
import type { Execution } from '../client/feedback/bind-adjustments.js';
import { readArgumentText } from './files.js';
import { canonicalize } from '../feedback/canonical-json.js';
import { SHA256_HEX } from '../protocol/syntax.js';
import { CliFault } from './cli-fault.js';
import { collecting } from './option-values.js';

const MAX_RAN_BYTES = 16 * 1024 * 1024;

/** Options that say it, as commander gives them. */
export interface ExecutionOptions {
  readonly execution?: readonly string[];
  readonly attestation?: readonly string[];
  readonly ran?: string;
}

/** Adds them. */
export function addExecutionOptions(command: Command): Command {
  return command
    .option('--execution <sha256>', 'fingerprint of what was run; repeatable', collecting(SHA256_HEX))
    .option('--attestation <sha256>', 'its measurement hash; repeatable', collecting(SHA256_HEX))
    .option(
      '--ran <file>',
      'JSON with execution_fingerprint and attestation_measurement_hash, as a graph submission has them, or a list of such',
    );
}

/** Whether anything was said at all. */
export function namesExecution({ execution, attestation, ran }: ExecutionOptions): boolean {
  return execution !== undefined || attestation !== undefined || ran !== undefined;
}

/** Everything that was said, taken together. Throws a fault when the file cannot be used. */
export function executionOf({ execution = [], attestation = [], ran }: ExecutionOptions): Execution {
  const records = ran === undefined ? [] : readRan(ran);
  return {
    executionFingerprints: [...execution, ...records.map(([fingerprint]) => fingerprint)],
    attestationHashes: [...attestation, ...records.map(([, hash]) => hash)],
  };
}

function readRan(path: string): (readonly [fingerprint: string, attestation: string])[] {
  const file = readArgumentText(path, MAX_RAN_BYTES);
  if (!file.ok) throw new CliFault(`--ran ${path} ${file.message}`, file.remedy);
  const judged = canonicalize(Buffer.from(file.text));
  if (!judged.ok) throw unusable(path, `is not acceptable JSON: ${judged.fault} at byte ${judged.offset}`);
  const parsed: unknown = JSON.parse(file.text);
  return (Array.isArray(parsed) ? parsed : [parsed]).map((record, index) => {
    const pair = [
      memberOf(record, 'execution_fingerprint'),
      memberOf(record, 'attestation_measurement_hash'),
    ];
    const [fingerprint, attestation] = pair;
    if (fingerprint !== undefined && attestation !== undefined) return [fingerprint, attestation];
    throw unusable(path, `lacks a fingerprint or a hash of 64 hex digits (record ${index})`);
  });
}

function memberOf(record: unknown, name: string): string | undefined {
  if (typeof record !== 'object' || record === null || !Object.hasOwn(record, name)) return undefined;
  const value = (record as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' && SHA256_HEX.test(value) ? value : undefined;
}

function unusable(path: string, message: string): CliFault {
  return new CliFault(
    `--ran ${path} ${message}`,
    'give an object with execution_fingerprint and attestation_measurement_hash, or a list of such',
  );
}
