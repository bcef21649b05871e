/**
 * The configuration file, version 1, as one strict schema. What spans several fields (validity, overlaps,
 * references, files) is checked by the compilers beside it; no transformation happens here, so that the
 * JSON schema for editors says exactly what is accepted.
 */
import { z } from 'zod';
import { auditSchema } from './audit.js';
import { feedbackSchema } from './feedback.js';
import { authoritiesSchema, identitySchema } from './identity.js';
import { keysSchema } from './keys.js';
import { listenSchema } from './listen.js';
import { policySchema } from './policy.js';
import { reportOnlySchema } from './report-only.js';
import { freshnessShape, integer, operatorId, rateLimit, tenantId } from './schema-common.js';
import { tracingSchema } from './tracing.js';
import {
  adminSchema,
  envoySchema,
  headersSchema,
  limitsSchema,
  logSchema,
  metricsSchema,
  noncesSchema,
} from './server.js';

const freshness = z
  .strictObject({
    pastSkewSeconds: freshnessShape.pastSkewSeconds
      .default(30)
      .describe('Seconds that a timestamp may lie in the past, 0 to 300.'),
    futureSkewSeconds: freshnessShape.futureSkewSeconds
      .default(30)
      .describe('Seconds that a timestamp may lie in the future, 0 to 300.'),
  })
  .describe('The clock window, both ends included.')
  .prefault({});

/** Envoy asks each of them for its health every second. */
const MAX_WORKERS = 64;

/** The whole file. */
export const configurationSchema = z.strictObject({
  version: z.literal(1).describe('The version of this format: 1.'),
  listen: listenSchema,
  workers: integer(1, MAX_WORKERS)
    .default(1)
    .describe('Processes that judge requests, each on a socket of its own; more than cores is no gain.'),
  admin: adminSchema,
  metrics: metricsSchema.optional(),
  tracing: tracingSchema.optional(),
  log: logSchema,
  audit: auditSchema,
  nonces: noncesSchema,
  freshness,
  limits: limitsSchema,
  headers: headersSchema,
  forwardedClientCert: z
    .enum(['ignore', 'trusted-hop', 'mesh-identity'])
    .default('ignore')
    .describe(
      'Whether x-forwarded-client-cert may be read: never, or as the word of a hop that you declare trusted: its `Hash`, or the SPIFFE ID in its `URI`.',
    ),
  rateLimit: rateLimit
    .optional()
    .describe('The limit of every operator, over all policies that set none. Default: none.'),
  operators: z
    .record(operatorId, tenantId)
    .default({})
    .describe('Operator id to tenant UUID, both compared byte for byte.'),
  authorities: authoritiesSchema,
  identities: z.array(identitySchema).max(100_000).describe('The services that may call.'),
  policies: z
    .array(policySchema)
    .max(1000)
    .describe('The routes, in order of precedence; a request that none governs is refused.'),
  reportOnly: reportOnlySchema,
  keys: keysSchema,
  feedback: feedbackSchema.optional(),
  envoy: envoySchema.optional(),
});

/** The file as the schema leaves it: defaults filled in, nothing converted. */
export type ConfigurationInput = z.output<typeof configurationSchema>;

/** The `envoy` section as the file says it. */
export type EnvoyInput = NonNullable<ConfigurationInput['envoy']>;

/** A node of the JSON schema, as far as this folder walks it. */
export interface JsonSchemaNode {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchemaNode>>;
  readonly items?: JsonSchemaNode;
  readonly additionalProperties?: JsonSchemaNode | boolean;
  readonly anyOf?: readonly JsonSchemaNode[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly required?: readonly string[];
}

/** The JSON schema (draft 2020-12) of what the file may hold, for editors; committed in docs/. */
export function configurationJsonSchema(): JsonSchemaNode {
  return z.toJSONSchema(configurationSchema, { io: 'input', target: 'draft-2020-12' }) as JsonSchemaNode;
}
