/** The shape of `audit`: where the records of decisions go, and the log that proves itself. */
import { z } from 'zod';
import { LOG_ORIGIN } from '../../protocol/syntax.js';
import { mirrorSchema, otlpSchema, witnessesSchema } from './audit-holders.js';
import { filePath, integer, textLike } from './schema-common.js';

const logOrigin = textLike(
  LOG_ORIGIN,
  'must be a name as in a URL without its scheme, such as countersign.example/federation; `{instance}` may stand in its path',
);

/** A hundred years: pruning never. */
const MAX_RETENTION_DAYS = 36_500;

const logSchema = z
  .strictObject({
    directory: filePath.describe(
      'Where the log lies, in the layout of C2SP tlog-tiles; made if it is not there.',
    ),
    origin: logOrigin.describe(
      'The name of the log, for ever; also that of its key. `{instance}` becomes 8 hex digits that are made once per directory.',
    ),
    keyFile: filePath.describe(
      'The Ed25519 private key that signs checkpoints and nothing else; closed to other users (mode 0600 or 0640).',
    ),
    retentionDays: integer(1, MAX_RETENTION_DAYS)
      .optional()
      .describe('Records older than this are pruned, in whole bundles. Default: none are.'),
    mirror: mirrorSchema.optional(),
    witnesses: witnessesSchema.optional(),
  })
  .describe('A log that proves itself: records in a Merkle tree with signed checkpoints. Default: absent.');

/** `audit`: one record for every decision. */
export const auditSchema = z
  .strictObject({
    file: filePath.optional().describe('The file that the records are appended to, one JSON object a line.'),
    stdout: z.boolean().optional().describe('Instead of `file`: standard output.'),
    log: logSchema.optional(),
    otlp: otlpSchema.optional(),
    onFailure: z
      .enum(['refuse', 'count'])
      .default('refuse')
      .describe('When a record cannot be written: `refuse` traffic, or let it go on and `count` the loss.'),
    durability: z
      .enum(['machine', 'process'])
      .default('process')
      .describe(
        'What a record survives before its answer leaves. `process`: the end of every process of ours. `machine`: a loss of power too; each batch waits for the disk.',
      ),
  })
  .describe('Where the decision records go: `file` or `stdout: true`, `log`, or one of the two and `log`.');
