/** The shape of `reportOnly`: refusals that are reported and let pass, each entry for a time. */
import { z } from 'zod';
import { TOLERABLE_CODES } from '../../verify/report-only/tolerance.js';
import { REFUSAL_CODES, type RefusalCode } from '../../verify/refusal.js';
import { identityName } from './identity.js';
import { instant, policyName, textLike } from './schema-common.js';

/** More would be a configuration of its own. */
const MAX_ENTRIES = 32;
const MAX_NAMES = 1_000;

/** Of all codes, so that one that may not be named is told why. */
const code = z.enum(REFUSAL_CODES as readonly [RefusalCode, ...RefusalCode[]]);

/** One entry. */
const entrySchema = z.strictObject({
  until: instant.describe(
    'From this moment on everything is enforced again, without a reload; at most 30 days from the load of the file.',
  ),
  reason: textLike(/^[\x20-\x7e]{1,500}$/, 'must be 1 to 500 printable ASCII characters').describe(
    'Why; repeated by every load.',
  ),
  policies: z
    .array(policyName)
    .min(1)
    .max(MAX_NAMES)
    .optional()
    .describe('Names of signed policies. Default: all of them.'),
  identities: z
    .array(identityName)
    .min(1)
    .max(MAX_NAMES)
    .optional()
    .describe(
      'Names that a request claims in its identity header, whether it proves them or not. Default: any.',
    ),
  checks: z
    .array(code)
    .min(1)
    .max(TOLERABLE_CODES.length)
    .describe(
      `The refusal codes that are let pass, each named; no other is, and a check that cannot be made any more counts as refused by its own code. Any of ${TOLERABLE_CODES.join(', ')}.`,
    ),
});

/** The section. */
export const reportOnlySchema = z
  .array(entrySchema)
  .max(MAX_ENTRIES)
  .default([])
  .describe('Refusals that are reported and let pass while something is rolled out (docs/roll-out.md).');

/** One entry as the file says it. */
export type ReportOnlyInput = z.output<typeof entrySchema>;
