/** What a proven caller may still not say: encodings, JSON, the routes' contracts, and for whom it speaks. */
import type { Body } from '../../../examples/local-federation/bodies.js';
import { PRODUCER_A, PRODUCER_B } from '../../../examples/local-federation/parties.js';
import { adding, removing, replacing } from '../support/outgoing.js';
import {
  bundle,
  feedback,
  graph,
  nowSeconds,
  signedBytes,
  telemetry,
  type Draft,
} from '../support/requests.js';
import { ATTESTED, NOTES_MAX_BYTES, type World } from '../support/world.js';
import {
  invalidBody,
  invalidJson,
  notPermitted,
  refusal,
  tooLarge,
  unauthenticated,
  type RefusalCase,
} from './case.js';

const TYPE = 'Content-Type';
const wrongType = { status: 415, client: 'unsupported_media_type', audit: 'content_type' } as const;
const wrongEncoding = { status: 415, client: 'unsupported_encoding', audit: 'content_encoding' } as const;

const mediaTypes: RefusalCase[] = [
  refusal('a JSON route without a content type is refused', wrongType, ({ a }) =>
    removing(telemetry({ by: a }), TYPE),
  ),
  ...[
    'text/plain',
    'application/jsonx',
    'application/x-www-form-urlencoded',
    'application/json, text/plain',
    'text/application/json',
    '',
  ].map((type) =>
    refusal(`the content type "${type}" is refused`, wrongType, ({ a }) =>
      replacing(telemetry({ by: a }), TYPE, type),
    ),
  ),
  refusal(
    'two content types are refused',
    wrongType,
    ({ a }) => adding(telemetry({ by: a }), [TYPE, 'text/plain']),
    'HTTP/1.1',
  ),
  ...['gzip', 'identity', 'br, gzip'].map((coding) =>
    refusal(`the content encoding "${coding}" is refused`, wrongEncoding, ({ a }) =>
      adding(telemetry({ by: a }), ['Content-Encoding', coding]),
    ),
  ),
  refusal('a content encoding is refused on a route without JSON too', wrongEncoding, ({ a }) =>
    adding(signedBytes({ by: a }, '/notes', Buffer.from('text')), ['Content-Encoding', 'gzip']),
  ),
];

const rewritten = (title: string, rewrite: NonNullable<Draft['rewrite']>): RefusalCase =>
  refusal(`${title} is refused`, invalidJson, ({ a }) => telemetry({ by: a, rewrite }));

const nested = (depth: number): string => '{"n":'.repeat(depth) + '0' + '}'.repeat(depth);

const json: RefusalCase[] = [
  rewritten('an empty body', () => ''),
  rewritten('a body of white space', () => '  \n'),
  rewritten('a member twice at the top', (text) =>
    text.replace('{', `{"operator_id":"${PRODUCER_B.operator}",`),
  ),
  rewritten('a member twice, once with an escape in its name', (text) =>
    text.replace('{', '{"operator\\u005fid":"x",'),
  ),
  rewritten('a member twice deep inside the payload', (text) =>
    text.replace('"event":', '"deep":[{"x":1,"x":1}],"event":'),
  ),
  rewritten('a byte-order mark', (text) => `\ufeff${text}`),
  rewritten('invalid UTF-8', (text) =>
    Buffer.concat([
      Buffer.from(text.slice(0, -2)),
      Buffer.from([0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31]),
      Buffer.from('}}'),
    ]),
  ),
  rewritten('an overlong UTF-8 encoding', (text) =>
    Buffer.from(text.replace('demonstration', '\xc0\xaf'), 'latin1'),
  ),
  rewritten('NaN', (text) => text.replace('"event":', '"x":NaN,"event":')),
  rewritten('Infinity', (text) => text.replace('"event":', '"x":-Infinity,"event":')),
  rewritten('a body nested 65 deep', (text) => text.replace('"event":', `"deep":${nested(63)},"event":`)),
  rewritten('a second document behind the first', (text) => `${text}{}`),
  rewritten('a body that ends early', (text) => text.slice(0, -1)),
  rewritten('single quotes', (text) => text.replaceAll('"', "'")),
  rewritten('a trailing comma', (text) => `${text.slice(0, -1)},}`),
  rewritten('a comment', (text) => `${text}// comment`),
  rewritten('a control character in a string', (text) => text.replace('demonstration', 'a\u0001b')),
  rewritten('a number with a leading zero', (text) => text.replace('"event":', '"x":01,"event":')),
];

const changed = (
  title: string,
  change: (body: Body) => Body,
  make: (draft: Draft) => ReturnType<typeof telemetry> = telemetry,
  refused = invalidBody('body_contract'),
): RefusalCase => refusal(`${title} is refused`, refused, ({ a }) => make({ by: a, change }));

const member =
  (name: string, value: unknown) =>
  (body: Body): Body => ({ ...body, [name]: value });

function without(name: string): (body: Body) => Body {
  return (body) => Object.fromEntries(Object.entries(body).filter(([other]) => other !== name));
}

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

const attributes =
  (change: Body) =>
  (body: Body): Body => {
    const payload = body['payload'] as Body;
    return {
      ...body,
      payload: { ...payload, attributes: { ...(payload['attributes'] as Body), ...change } },
    };
  };

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

const notOwn = notPermitted('operator_not_of_identity');
const wrongTenant = notPermitted('tenant_mismatch');

const authorisation: RefusalCase[] = [
  refusal("the other producer's operator is refused", notOwn, ({ a }) =>
    telemetry({ by: a, party: PRODUCER_B }),
  ),
  refusal("one's own operator for the other tenant is refused", wrongTenant, ({ a }) =>
    telemetry({ by: a, party: { ...PRODUCER_A, tenant: PRODUCER_B.tenant } }),
  ),
  refusal('a feedback query for the other tenant is refused', wrongTenant, ({ a }) =>
    feedback({ by: a, party: { ...PRODUCER_A, tenant: PRODUCER_B.tenant } }),
  ),
  refusal('a graph for the other tenant is refused', wrongTenant, ({ a }) =>
    graph({ by: a, party: { ...PRODUCER_A, tenant: PRODUCER_B.tenant } }),
  ),
  refusal('an operator that maps to no tenant is refused', notPermitted('operator_unmapped'), ({ named }) =>
    telemetry({ by: named('producer-open'), party: { ...PRODUCER_A, operator: 'operator-nobody' } }),
  ),
  refusal(
    'an operator named like a member of every object maps to no tenant',
    notPermitted('operator_unmapped'),
    ({ named }) => telemetry({ by: named('producer-open'), party: { ...PRODUCER_A, operator: 'toString' } }),
  ),
  refusal('an operator with a space behind it is another operator', notOwn, ({ a }) =>
    telemetry({ by: a, party: { ...PRODUCER_A, operator: `${PRODUCER_A.operator} ` } }),
  ),
  refusal(
    'an attestation that is not one of the identity is refused',
    { status: 403, client: 'attestation_not_permitted', audit: 'attestation_not_allowed' },
    ({ named }) => telemetry({ by: named('producer-attested') }),
  ),
];

const bundled =
  (change: Body) =>
  (body: Body): Body => ({ bundle: { ...(body['bundle'] as Body), ...change } });

const bundles: RefusalCase[] = [
  changed('a bundle with a pipe in its operator', bundled({ operator_id: 'operator|a' }), bundle),
  changed('a bundle with a pipe in its campaign', bundled({ campaign_id: 'campaign|local' }), bundle),
  changed('a bundle with a pipe in its nonce', bundled({ nonce: 'nonce|with-a-pipe' }), bundle),
  changed('a bundle with a nonce of 11 characters', bundled({ nonce: 'elevenchars' }), bundle),
  changed('a bundle without its signature', bundled({ signature: undefined }), bundle),
  changed('a bundle with a signature that is no base64', bundled({ signature: 'x'.repeat(88) }), bundle),
  changed('a bundle with an unknown member', bundled({ tenant_id: PRODUCER_A.tenant }), bundle),
  changed('a member beside the bundle', (body) => ({ ...body, extra: 1 }), bundle),
  refusal(
    'a bundle with another campaign than was signed is refused',
    unauthenticated('signature_invalid'),
    ({ a }) => bundle({ by: a, change: bundled({ campaign_id: 'campaign-forged' }) }),
  ),
  refusal(
    'a bundle of another timestamp than was signed is refused',
    unauthenticated('signature_invalid'),
    ({ a }) => bundle({ by: a, change: bundled({ timestamp: nowSeconds() - 1_000 }) }),
  ),
  refusal("a bundle by another producer's key is refused", unauthenticated('signature_invalid'), ({ a, b }) =>
    bundle({ by: { ...a, signingKey: b.signingKey } }),
  ),
  refusal("a bundle for the other producer's operator is refused", notOwn, ({ a }) =>
    bundle({ by: a, party: PRODUCER_B }),
  ),
  refusal(
    'a bundle over an unpinned certificate is refused',
    unauthenticated('pin_mismatch'),
    ({ unpinned }) => bundle({ by: unpinned }),
  ),
  refusal('a bundle of a revoked identity is refused', unauthenticated('identity_revoked'), ({ named }) =>
    bundle({ by: named('producer-revoked') }),
  ),
  refusal('a bundle without the identity header is refused', unauthenticated('header_missing'), ({ a }) =>
    removing(bundle({ by: a }), 'X-Service-Identity'),
  ),
];

const notes = (by: World['a'], bytes: number): ReturnType<typeof telemetry> =>
  signedBytes({ by }, '/notes', Buffer.alloc(bytes, 'n'));

const sizes: RefusalCase[] = [
  refusal('a body of one byte over its policy is refused', tooLarge('body_too_large'), ({ a }) =>
    notes(a, NOTES_MAX_BYTES + 1),
  ),
  refusal(
    'an unannounced body of one byte over its policy is refused',
    tooLarge('body_too_large'),
    ({ a }) => ({
      ...notes(a, NOTES_MAX_BYTES + 1),
      framing: 'unannounced',
      pieces: [NOTES_MAX_BYTES],
    }),
  ),
];

/** A measurement that its identity may present, for the cases that pass. */
export const withAttestation = attributes({ attestation_measurement_hash: ATTESTED.toUpperCase() });

/** All of them. */
export const BODY_CASES: readonly RefusalCase[] = [
  ...mediaTypes,
  ...json,
  ...contract,
  ...versions,
  ...bindings,
  ...authorisation,
  ...bundles,
  ...sizes,
];
