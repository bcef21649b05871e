/** The shape of `feedback`: which keys sign the answers, and what may be signed. */
import { z } from 'zod';
import { FEEDBACK_ADJUSTMENT_SCHEMA } from '../../feedback/envelope.js';
import { signingKeyShape } from './keys.js';
import { duration } from './rotation.js';
import { bodyBytes, instant, integer, keyId, schemaVersion, tenantId } from './schema-common.js';

const key = z
  .strictObject({
    kid: keyId.describe(
      'The id of the key, `[A-Za-z0-9._-]{1,64}`; it is signed, and a new key takes a new id.',
    ),
    ...signingKeyShape,
    notBefore: instant.optional().describe('The key signs from this moment on. Default: always.'),
    notAfter: instant
      .optional()
      .describe(
        'The key signs until just before this moment, and is then published no more. Default: for ever.',
      ),
  })
  .describe('One private key.');

/** At least one, unless `keys.rotation` makes them. */
const keys = z.array(key).max(64).default([]);

const activeKid = keyId
  .optional()
  .describe(
    'The key that signs. Default: of the keys that are valid, the one with the latest `notBefore`, and of those the last.',
  );

const delegation = z
  .strictObject({
    lifetime: duration.describe(
      'How long a key in memory is vouched for, `24h` for instance: 1 minute to 90 days. It is renewed after half of that.',
    ),
  })
  .optional()
  .describe(
    'Answers are signed with keys that live in memory alone; the `keys` of this domain vouch for those and sign no answer.',
  );

/** The keys of one tenant. */
const tenantDomain = z
  .strictObject({
    keys: keys.describe('The private keys of this tenant; those above are not used for it.'),
    activeKid,
    delegation,
  })
  .describe('The keys of one tenant, under its UUID.');

/** `feedback`: signing the answers. */
export const feedbackSchema = z
  .strictObject({
    keys: keys.describe('The private keys that sign for every tenant without keys of its own.'),
    activeKid,
    delegation,
    tenants: z
      .record(tenantId, tenantDomain)
      .default({})
      .describe('Tenants whose answers are signed with keys of their own.'),
    adjustmentSchemaVersions: z
      .array(schemaVersion)
      .min(1)
      .max(64)
      .default([FEEDBACK_ADJUSTMENT_SCHEMA])
      .describe('The schema versions that an adjustment may have.'),
    maxAnswerBytes: bodyBytes
      .default(1_048_576)
      .describe('The longest answer of the upstream, in bytes; a longer one is withheld.'),
    executions: z
      .strictObject({
        required: z
          .boolean()
          .default(false)
          .describe(
            'Whether an adjustment may only name an execution and attestation that its tenant has submitted in a graph.',
          ),
        maxPerTenant: integer(1, 10_000_000)
          .default(10_000)
          .describe('Submitted pairs that are remembered for one tenant; the oldest goes first.'),
        retentionSeconds: integer(60, 31_536_000)
          .default(604_800)
          .describe('How long a submitted pair is remembered.'),
      })
      .describe('The executions that adjustments answer to.')
      .prefault({}),
  })
  .describe('How answers are signed. Required as soon as a policy signs its answers.');

/** The section as the file says it. */
export type FeedbackInput = z.output<typeof feedbackSchema>;
/** The keys of one domain as the file says them. */
export type SigningDomainInput = z.output<typeof tenantDomain>;
/** One private key as the file says it. */
export type FeedbackKeyInput = z.output<typeof key>;
