/** What the commands that verify answers have in common: for whom, under which keys, how old. */
import type { Command } from 'commander';
import { fastVerifier } from '../crypto/engines.js';
import { MemorySeenNonces } from '../client/feedback/seen-nonces.js';
import { verifyFeedback, type FeedbackVerification } from '../client/feedback/verify-feedback.js';
import {
  DEFAULT_MAX_AGE_SECONDS,
  DEFAULT_MAX_ENVELOPE_BYTES,
  MAX_MAX_AGE_SECONDS,
} from '../client/feedback/answer-checks.js';
import { FEEDBACK_RESPONSE_SCHEMA } from '../feedback/signing-input.js';
import { UUID } from '../protocol/syntax.js';
import { CliFault } from './cli-fault.js';
import { readArgument, STANDARD_STREAM } from './files.js';
import { readKeyring } from './keyring-file.js';
import { matching, wholeNumber } from './option-values.js';
import type { CliWorld } from './session.js';

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
  const file = readArgument(path, DEFAULT_MAX_ENVELOPE_BYTES);
  if (!file.ok) throw new CliFault(`the answer: ${path} ${file.message}`, file.remedy);
  return file.bytes;
}
