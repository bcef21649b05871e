/** What good JSON may still not say: the routes' contracts, and what has to agree with what was signed. */
import type { Body } from '../../../tools/local-federation/bodies.js';
import { PRODUCER_B } from '../../../tools/local-federation/parties.js';
import { feedback, graph, telemetry } from '../support/requests.js';
import { attributes, changed, member, without } from './body-changes.js';
import { invalidBody, invalidJson, refusal, type RefusalCase } from './case.js';

const telemetryFields = [
  'operator_id',
  'campaign_id',
  'tenant_id',
  'execution_hash',
  'timestamp',
  'nonce',
  'signed_metadata',
  'payload',
];

const contract: RefusalCase[] = [
  refusal('a JSON array is refused', invalidBody('body_contract'), ({ a }) =>
    telemetry({ by: a, rewrite: (text) => `[${text}]` }),
  ),
  refusal('a JSON string is refused', invalidBody('body_contract'), ({ a }) =>
    telemetry({ by: a, rewrite: () => '"telemetry"' }),
  ),
  ...telemetryFields.map((name) => changed(`telemetry without ${name}`, without(name))),
  changed('an unknown member at the top of telemetry', member('admin', true)),
  changed('an unknown member in signed_metadata', (body) => ({
    ...body,
    signed_metadata: { ...(body['signed_metadata'] as Body), admin: true },
  })),
  changed('a member named __proto__ at the top', (body) =>
    Object.fromEntries([...Object.entries(body), ['__proto__', {}]]),
  ),
  changed('an empty operator', member('operator_id', '')),
  changed('an operator of 129 characters', member('operator_id', 'o'.repeat(129))),
  changed('an operator that is a number', member('operator_id', 7)),
  changed('a campaign of 129 characters', member('campaign_id', 'c'.repeat(129))),
  changed('a tenant that is no UUID', member('tenant_id', 'tenant-a')),
  changed('an execution hash of 63 digits', member('execution_hash', 'a'.repeat(63))),
  changed('a timestamp in a string', (body) => ({ ...body, timestamp: String(body['timestamp']) })),
  refusal('a timestamp as a float in the body is refused', invalidBody('body_contract'), ({ a }) =>
    telemetry({ by: a, rewrite: (text) => text.replace(/("timestamp":\d+)/, '$1.0') }),
  ),
  refusal('a timestamp with an exponent in the body is refused', invalidBody('body_contract'), ({ a }) =>
    telemetry({ by: a, rewrite: (text) => text.replace(/("timestamp":\d+)/, '$1e0') }),
  ),
  changed('a timestamp that is true', member('timestamp', true)),
  changed('a payload that is a list', member('payload', [])),
  changed('signed metadata that are null', member('signed_metadata', null)),
  changed('a graph that is a string', member('graph', 'nodes'), graph),
  changed('a graph without its fingerprint', without('execution_fingerprint'), graph),
  ...[0, 1001, -1, '5', true, null, 1.5].map((limit) =>
    changed(`a feedback query with limit ${JSON.stringify(limit)}`, member('limit', limit), feedback),
  ),
  ...['5.0', '5e0', '1e2', '05'].map((limit) =>
    refusal(
      `a feedback query with limit ${limit} is refused`,
      limit === '05' ? invalidJson : invalidBody('body_contract'),
      ({ a }) => feedback({ by: a, rewrite: (text) => text.replace('"limit":5', `"limit":${limit}`) }),
    ),
  ),
  changed('a feedback query with an unknown member', member('offset', 1), feedback),
];

const wrongSchema = { status: 422, client: 'schema_version_not_allowed', audit: 'schema_version' } as const;
const wrongAttestation = {
  status: 422,
  client: 'invalid_attestation',
  audit: 'attestation_malformed',
} as const;

const versions: RefusalCase[] = [
  changed(
    'a schema version that is not on the list',
    attributes({ schema_version: 'telemetry.v0' }),
    telemetry,
    wrongSchema,
  ),
  changed(
    'a schema version in other capitals',
    attributes({ schema_version: 'Telemetry.v1' }),
    telemetry,
    wrongSchema,
  ),
  changed(
    "a graph of telemetry's schema version",
    member('schema_version', 'telemetry.v1'),
    graph,
    wrongSchema,
  ),
  changed(
    'telemetry without an attestation hash',
    attributes({ attestation_measurement_hash: undefined }),
    telemetry,
    wrongAttestation,
  ),
  changed(
    'an attestation hash of 63 digits',
    attributes({ attestation_measurement_hash: 'a'.repeat(63) }),
    telemetry,
    wrongAttestation,
  ),
  changed(
    'an attestation hash with a g in it',
    attributes({ attestation_measurement_hash: 'g'.repeat(64) }),
    telemetry,
    wrongAttestation,
  ),
  changed(
    'an attestation hash that is a number',
    attributes({ attestation_measurement_hash: 1 }),
    telemetry,
    wrongAttestation,
  ),
];

const otherNonce = { status: 401, client: 'body_mismatch', audit: 'body_repeats_other_nonce' } as const;
const otherTimestamp = {
  status: 401,
  client: 'body_mismatch',
  audit: 'body_repeats_other_timestamp',
} as const;
const otherMetadata = { status: 401, client: 'metadata_mismatch', audit: 'body_binding_mismatch' } as const;

const metadata =
  (change: Body) =>
  (body: Body): Body => ({
    ...body,
    signed_metadata: { ...(body['signed_metadata'] as Body), ...change },
  });
const graphMember =
  (change: Body) =>
  (body: Body): Body => ({ ...body, graph: { ...(body['graph'] as Body), ...change } });
const later = (body: Body): Body => ({ ...body, timestamp: Number(body['timestamp']) + 1 });

const bindings: RefusalCase[] = [
  ...([telemetry, graph, feedback] as const).flatMap((make) => [
    changed(
      `a ${make.name} body with another nonce than the header`,
      member('nonce', 'another-nonce-000001'),
      make,
      otherNonce,
    ),
    changed(`a ${make.name} body with another timestamp than the header`, later, make, otherTimestamp),
  ]),
  changed(
    'signed metadata of another tenant',
    metadata({ tenant_id: PRODUCER_B.tenant }),
    telemetry,
    otherMetadata,
  ),
  changed(
    'signed metadata of another operator',
    metadata({ operator_id: PRODUCER_B.operator }),
    telemetry,
    otherMetadata,
  ),
  changed(
    'signed metadata of another campaign',
    metadata({ campaign_id: 'campaign-other' }),
    telemetry,
    otherMetadata,
  ),
  changed(
    "a graph with another tenant's copy inside",
    graphMember({ tenant_id: PRODUCER_B.tenant }),
    graph,
    otherMetadata,
  ),
  changed(
    'a graph with another fingerprint inside',
    graphMember({ execution_fingerprint: 'a'.repeat(64) }),
    graph,
    otherMetadata,
  ),
];

/** All of them. */
export const BODY_CASES: readonly RefusalCase[] = [...contract, ...versions, ...bindings];
