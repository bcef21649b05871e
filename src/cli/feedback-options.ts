/** What the commands that verify answers are told: what was run, for whom, under which keys, how old an answer may be. */
import type { Command } from 'commander';
import type { Execution } from '../client/feedback/bind-adjustments.js';
import { STANDARD_STREAM, readArgument, readArgumentText, readOrFault } from './files.js';
import { memberOf } from './text.js';
import { canonicalize } from '../feedback/canonical-json.js';
import { SHA256_HEX, UUID } from '../protocol/syntax.js';
import { CliFault, type CliWorld } from './command.js';
import { collecting, matching, wholeNumber } from './option-values.js';
import { fastVerifier } from '../crypto/engines.js';
import { MemorySeenNonces } from '../client/feedback/seen-nonces.js';
import { type FeedbackVerification, verifyFeedback } from '../client/feedback/verify-feedback.js';
import {
  DEFAULT_MAX_AGE_SECONDS,
  DEFAULT_MAX_ENVELOPE_BYTES,
  MAX_MAX_AGE_SECONDS,
} from '../client/feedback/answer-checks.js';
import { FEEDBACK_RESPONSE_SCHEMA } from '../feedback/envelope.js';
import { readKeyring } from './keyring.js';

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
  const { text } = readOrFault('--ran', path, readArgumentText(path, MAX_RAN_BYTES));
  const judged = canonicalize(Buffer.from(text));
  if (!judged.ok) throw unusable(path, `is not acceptable JSON: ${judged.fault} at byte ${judged.offset}`);
  const parsed: unknown = JSON.parse(text);
  return (Array.isArray(parsed) ? parsed : [parsed]).map((record, index) => {
    const fingerprint = hashOf(record, 'execution_fingerprint');
    const attestation = hashOf(record, 'attestation_measurement_hash');
    if (fingerprint !== undefined && attestation !== undefined) return [fingerprint, attestation];
    throw unusable(path, `lacks a fingerprint or a hash of 64 hex digits (record ${index})`);
  });
}

function hashOf(record: unknown, name: string): string | undefined {
  const value = memberOf(record, name);
  return typeof value === 'string' && SHA256_HEX.test(value) ? value : undefined;
}

function unusable(path: string, message: string): CliFault {
  return new CliFault(
    `--ran ${path} ${message}`,
    'give an object with execution_fingerprint and attestation_measurement_hash, or a list of such',
  );
}

/** Options of every command that verifies, as commander gives them. */
export interface VerificationOptions {
  readonly tenant: string;
  readonly keyring: string;
  /** Seconds. */
  readonly maxAge: number;
  readonly schema: string;
}

/** What can be in the field without a `|` or a control character. */
const SCHEMA_VERSION = /^[A-Za-z0-9._:-]{1,32}$/;

/** Adds them. */
export function addVerificationOptions(command: Command): Command {
  return command
    .requiredOption('--tenant <uuid>', 'our own tenant id, as it is in the query', matching(UUID))
    .requiredOption(
      '--keyring <file|json>',
      'JSON of key id and public key, or a JWK set; a file or the text',
    )
    .option(
      '--max-age <seconds>',
      'how old the answer may be',
      wholeNumber(1, MAX_MAX_AGE_SECONDS),
      DEFAULT_MAX_AGE_SECONDS,
    )
    .option(
      '--schema <version>',
      'the schema version of the envelope',
      matching(SCHEMA_VERSION),
      FEEDBACK_RESPONSE_SCHEMA,
    );
}

/**
 * Verifies the delivered bytes. One run of a command remembers no nonce of another: whether an answer came before is
 * for a consumer that goes on running.
 */
export function verifyAnswer(
  world: CliWorld,
  answer: Uint8Array,
  options: VerificationOptions,
): FeedbackVerification {
  const { tenant, maxAge: maxAgeSeconds, schema: expectedSchema } = options;
  const clock = { nowMs: () => world.nowMs() };
  const seenNonces = new MemorySeenNonces({ clock, maxNonces: 1 });
  const keyring = readKeyring(options.keyring);
  const bounds = { maxAgeSeconds, expectedSchema };
  return verifyFeedback(answer, { tenant, keyring, clock, seenNonces, ...bounds, verifier: fastVerifier() });
}

/** The bytes of an answer as it was delivered: of a file, or of standard input for `-`. */
export async function readAnswer(path: string, world: CliWorld): Promise<Uint8Array> {
  if (path === STANDARD_STREAM) return world.readInput(DEFAULT_MAX_ENVELOPE_BYTES);
  return readOrFault('the answer:', path, readArgument(path, DEFAULT_MAX_ENVELOPE_BYTES)).bytes;
}
