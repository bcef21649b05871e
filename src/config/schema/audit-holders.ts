/** The shapes of `audit.log.mirror` and `audit.log.witnesses`: others who hold the log, so that it cannot be changed unseen. */
import { z } from 'zod';
import { filePath, integer, textLike } from './schema-common.js';

/** What a server locks for; S3 itself takes up to a hundred years. */
const MAX_LOCK_DAYS = 36_500;

const authorityFile = (whose: string) =>
  filePath
    .optional()
    .describe(
      `Authorities of ${whose}, PEM. Default: those that Node was built with; the environment adds none.`,
    );

const s3Schema = z
  .strictObject({
    endpoint: z
      .string()
      .max(300)
      .describe('The server: `https://host`, with a port where it is not 443. `http://` on loopback alone.'),
    bucket: textLike(
      /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
      'must be a bucket: 3 to 63 small letters, digits, dots or hyphens',
    ).describe('The bucket; it was made with Object Lock.'),
    prefix: textLike(
      /^(?:[A-Za-z0-9_.-]{1,64}\/){0,8}$/,
      'must be folders of letters, digits, dots, underscores or hyphens, each with a slash behind it, such as logs/one/',
    )
      .default('')
      .describe('Before the name of every object, with a slash at its end; a log has one of its own.'),
    region: textLike(/^[a-z0-9-]{1,32}$/, 'must be the name of a region, such as eu-central-1')
      .default('us-east-1')
      .describe('The region that requests are signed for.'),
    retentionDays: integer(1, MAX_LOCK_DAYS).describe('For how long each object is locked, from its upload.'),
    mode: z
      .enum(['COMPLIANCE', 'GOVERNANCE'])
      .default('COMPLIANCE')
      .describe(
        '`COMPLIANCE`: nobody can delete or shorten, the owner of the account neither. `GOVERNANCE`: who has the permission to bypass it can.',
      ),
    credentialsFile: filePath.describe(
      "A file in the form of AWS's shared credentials, section `[default]`; closed to other users (mode 0600 or 0640). Read anew for each request. No variable of the environment is looked at.",
    ),
    caFile: authorityFile('the server'),
    intervalSeconds: integer(1, 3_600)
      .default(10)
      .describe(
        'How often a new checkpoint is mirrored, while the log grows; each keeps its own partial files.',
      ),
    timeoutMilliseconds: integer(100, 300_000)
      .default(30_000)
      .describe('How long one request may take; a bundle of records has up to 16.8 MB.'),
  })
  .describe('A bucket of S3 with Object Lock.');

/** `audit.log.mirror`: copies of tiles and checkpoints that we cannot take back. */
export const mirrorSchema = z
  .strictObject({ s3: s3Schema })
  .describe('A copy of the log that nobody can delete for a while. Default: absent.');

/** `audit.log.witnesses`: who cosigns checkpoints. */
export const witnessesSchema = z
  .strictObject({
    policyFile: filePath.describe(
      'A policy (C2SP tlog-policy) with the witnesses, each with its submission URL, and the quorum.',
    ),
    caFile: authorityFile('the witnesses'),
    intervalSeconds: integer(1, 86_400)
      .default(30)
      .describe('How often a new checkpoint is cosigned, while the log grows.'),
    timeoutMilliseconds: integer(100, 60_000)
      .default(5_000)
      .describe('How long one request to a witness may take.'),
  })
  .describe('Witnesses that cosign checkpoints (C2SP tlog-witness). Default: absent.');

/** `audit.otlp`: a collector that gets every record. */
export const otlpSchema = z
  .strictObject({
    endpoint: z
      .string()
      .max(300)
      .describe(
        'The collector: `https://host:4318`; `/v1/logs` is appended where it has no path. `http://` on loopback alone.',
      ),
    headersFile: filePath
      .optional()
      .describe(
        'Headers for every request, one `Name: value` a line, such as a token; closed to other users (mode 0600 or 0640). Read anew for each request.',
      ),
    caFile: authorityFile('the collector'),
    instance: textLike(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters')
      .optional()
      .describe("`service.instance.id` of the records. Default: the host's name."),
    timeoutMilliseconds: integer(100, 300_000)
      .default(10_000)
      .describe('How long one request to the collector may take.'),
  })
  .describe(
    'A collector of OpenTelemetry that gets every record of `log`, over OTLP/HTTP with JSON, at least once and in order. Default: absent.',
  );

/** The sections after their defaults. */
export type OtlpInput = z.output<typeof otlpSchema>;
export type MirrorInput = z.output<typeof mirrorSchema>;
export type WitnessesInput = z.output<typeof witnessesSchema>;
