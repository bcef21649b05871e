/** The shape of `policies`: which requests are judged, and by which contract. */
import { z } from 'zod';
import {
  bodyBytes,
  freshnessShape,
  policyName,
  rateLimit,
  schemaVersion,
  textLike,
} from './schema-common.js';

/** The profiles of docs/wire-contract.md that a policy can name. */
const profileNames = [
  'federation.telemetry',
  'federation.execution-graph',
  'federation.feedback-query',
  'federation.verify',
] as const;

/** The name of one profile. */
export type ProfileName = (typeof profileNames)[number];

const pointer = z
  .string()
  .max(512)
  .regex(/^(?:\/(?:[^~/]|~[01])*)+$/, 'must be a JSON pointer (RFC 6901) to a member, such as /operator_id');

const path = z
  .string()
  .max(2048)
  .regex(
    /^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/,
    'must begin with / and be printable ASCII without space, ? and #',
  );

const method = textLike(/^[A-Z]{1,20}$/, 'must be an HTTP method in upper case, such as POST');

const match = z.strictObject({
  methods: z.array(method).min(1).max(16).describe('Methods in upper case; every other is a 405.'),
  path: path.optional().describe('The whole path.'),
  pathPrefix: path.optional().describe('The beginning of the path, ending in /.'),
  allowQuery: z.boolean().default(false).describe('A query string is unsigned: false answers it with 404.'),
});

/** Why a check is left out; repeated by every load. */
const reason = textLike(/^[\x20-\x7e]{1,500}$/, 'must be 1 to 500 printable ASCII characters');

const json = z
  .strictObject({
    nonce: pointer.optional().describe("Where the body repeats the header's nonce."),
    timestamp: pointer.optional().describe("Where the body repeats the header's timestamp, as an integer."),
    operator: pointer
      .optional()
      .describe('The operator id, 1 to 128 characters; it has to be mapped to a tenant.'),
    tenant: pointer
      .optional()
      .describe('The tenant UUID, which has to be the one that the operator maps to.'),
    schemaVersion: z
      .strictObject({
        at: pointer.describe('Where the schema version is: 1 to 32 characters.'),
        allowed: z
          .array(schemaVersion)
          .min(1)
          .max(64)
          .optional()
          .describe('The allowed versions. Default: any.'),
      })
      .optional()
      .describe('The schema version and its allow-list.'),
    attestation: pointer.optional().describe('The attestation measurement hash: 64 hex digits.'),
    execution: pointer
      .optional()
      .describe('The execution hash or fingerprint: 64 hex digits; it is recorded.'),
    equal: z
      .array(z.tuple([pointer, pointer]))
      .max(64)
      .default([])
      .describe(
        'Pairs of fields that must hold the same value. A field with no role of its own is text of any length.',
      ),
    topLevel: z
      .array(z.string().min(1).max(256))
      .min(1)
      .max(256)
      .optional()
      .describe('The only members that the body may have at its top. Default: any.'),
  })
  .describe('The fields of a JSON body, each a JSON pointer; what is named here has to be in the body.');

/** One policy: a profile, a route of one's own, or a declared pass-through. */
export const policySchema = z.strictObject({
  name: policyName.describe('Its name in records, metrics and Envoy: letters, digits, `.`, `_`, `-`.'),
  profile: z
    .enum(profileNames)
    .optional()
    .describe('A ready contract of the federation, with its method and path.'),
  schemaVersions: z
    .array(schemaVersion)
    .min(1)
    .max(64)
    .optional()
    .describe('Profile `federation.telemetry`: the allowed schema versions. Default: any, with a warning.'),
  once: z
    .boolean()
    .optional()
    .describe('Profile `federation.verify`: judge the window and take every bundle once. Default: false.'),
  match: match.optional().describe('Which requests it governs: `methods` and either `path` or `pathPrefix`.'),
  rawPaths: z
    .strictObject({ reason: reason.describe('Why odd paths are taken here; `check-config` repeats it.') })
    .optional()
    .describe(
      'Takes paths that are not in normal form (`..;`, `%3b`, `%252e`, no UTF-8) as well. Default: they are a 404.',
    ),
  freshness: z
    .strictObject({
      pastSkewSeconds: freshnessShape.pastSkewSeconds.optional().describe('Seconds into the past, 0 to 300.'),
      futureSkewSeconds: freshnessShape.futureSkewSeconds
        .optional()
        .describe('Seconds into the future, 0 to 300.'),
    })
    .optional()
    .describe('A clock window of its own. Default: the `freshness` of the file.'),
  maxBodyBytes: bodyBytes.optional().describe('The largest body, in bytes. Default: `limits.maxBodyBytes`.'),
  rateLimit: z
    .union([z.literal(false), rateLimit], { error: 'must be false or { perMinute: a number }' })
    .optional()
    .describe('A limit of its own, counted apart, or false for none. Default: the `rateLimit` of the file.'),
  body: z
    .strictObject({ json })
    .optional()
    .describe('The contract of a JSON body. Default: the body is signed bytes that nobody parses.'),
  answer: z
    .strictObject({
      signed: z
        .boolean()
        .describe('Whether the answer is judged as feedback and signed with the keys of `feedback`.'),
    })
    .optional()
    .describe(
      "What becomes of the upstream's answer. Default: it passes as it is; with profile `federation.feedback-query` it is signed.",
    ),
  passThrough: z
    .strictObject({
      reason: reason.describe('Why nothing is checked here; `check-config` repeats it.'),
    })
    .optional()
    .describe('Declares the route unchecked, with a reason.'),
});

/** One policy as the file says it. */
export type PolicyInput = z.output<typeof policySchema>;
/** The JSON contract of a policy of one's own, as the file says it. */
export type JsonBodyInput = NonNullable<PolicyInput['body']>['json'];
