import {
  ATTESTATION,
  codeOf,
  commonFields,
  EXECUTION,
  GRAPH_PATH,
  graphFields,
  judgeParts,
  OPERATOR,
  QUERY_PATH,
  SCHEMA_VERSION,
  signedJson,
  TELEMETRY_PATH,
  telemetryFields,
  TENANT,
} from '../../support/signed-request.js';

/** Judges a correctly signed request with this JSON, so that only the body can be at fault. */
const verdict = (path: string, body: Record<string, unknown> | string): string =>
  codeOf(judgeParts(signedJson(path, body)).judgement);

const without = (fields: Record<string, unknown>, name: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));

/** The fields as JSON, one of them with this very text as its value. */
function withRaw(fields: Record<string, unknown>, field: string, raw: string): string {
  return JSON.stringify({ ...fields, [field]: '@@' }).replace('"@@"', () => raw);
}

const payload = (attributes: Record<string, unknown>): Record<string, unknown> =>
  telemetryFields({ payload: { attributes } });
const attested = { schema_version: SCHEMA_VERSION, attestation_measurement_hash: ATTESTATION };

describe('telemetry', () => {
  it.each<[string, string, Record<string, unknown>]>([
    ['no payload', 'body_contract', without(telemetryFields(), 'payload')],
    ['a payload that is text', 'body_contract', telemetryFields({ payload: 'x' })],
    ['a payload in an array', 'body_contract', telemetryFields({ payload: [{ attributes: attested }] })],
    ['attributes that are an array', 'body_contract', telemetryFields({ payload: { attributes: [] } })],
    ['no schema version', 'body_contract', payload(without(attested, 'schema_version'))],
    ['a schema version that is a number', 'body_contract', payload({ ...attested, schema_version: 1 })],
    ['an empty schema version', 'body_contract', payload({ ...attested, schema_version: '' })],
    [
      'a schema version of 33 characters',
      'body_contract',
      payload({ ...attested, schema_version: 'v'.repeat(33) }),
    ],
    ['another schema version', 'schema_version', payload({ ...attested, schema_version: 'v2' })],
    [
      'a schema version in another case',
      'schema_version',
      payload({ ...attested, schema_version: SCHEMA_VERSION.toUpperCase() }),
    ],
    ['no attestation', 'attestation_malformed', payload(without(attested, 'attestation_measurement_hash'))],
    [
      'an attestation of 63 digits',
      'attestation_malformed',
      payload({ ...attested, attestation_measurement_hash: 'a'.repeat(63) }),
    ],
    [
      'an attestation with a prefix',
      'attestation_malformed',
      payload({ ...attested, attestation_measurement_hash: `sha256:${ATTESTATION}` }),
    ],
    [
      'an attestation that is null',
      'attestation_malformed',
      payload({ ...attested, attestation_measurement_hash: null }),
    ],
    ['no execution hash', 'body_contract', without(telemetryFields(), 'execution_hash')],
    ['an execution hash of 65 digits', 'body_contract', telemetryFields({ execution_hash: 'a'.repeat(65) })],
    ['an empty campaign', 'body_contract', telemetryFields({ campaign_id: '' })],
    ['no signed metadata', 'body_contract', without(telemetryFields(), 'signed_metadata')],
    ['empty signed metadata', 'body_contract', telemetryFields({ signed_metadata: {} })],
    [
      'signed metadata that are an array',
      'body_contract',
      telemetryFields({ signed_metadata: [TENANT, OPERATOR] }),
    ],
    ...['tenant_id', 'operator_id', 'campaign_id'].map((name): [string, string, Record<string, unknown>] => [
      `another ${name} in the signed metadata`,
      'body_binding_mismatch',
      telemetryFields({
        signed_metadata: {
          tenant_id: TENANT,
          operator_id: OPERATOR,
          campaign_id: 'campaign-1',
          [name]: 'other',
        },
      }),
    ]),
  ])('refuses %s: %s', (_title, code, fields) => {
    expect(verdict(TELEMETRY_PATH, fields)).toBe(code);
  });

  it.each<[string, Record<string, unknown>]>([
    [
      'hashes in upper case',
      payload({ ...attested, attestation_measurement_hash: ATTESTATION.toUpperCase() }),
    ],
    [
      'any other member of the payload',
      telemetryFields({ payload: { attributes: attested, x: [1.5, null] } }),
    ],
    ['other attributes', payload({ ...attested, host: 'h', score: 1e-7 })],
  ])('takes %s', (_title, fields) => {
    expect(verdict(TELEMETRY_PATH, fields)).toBe('verified');
  });

  it('has signed metadata of three members and no more', () => {
    const fields = telemetryFields({ signed_metadata: { ...metadata(), more: true } });
    const { judgement } = judgeParts(signedJson(TELEMETRY_PATH, fields));
    expect(judgement).toMatchObject({
      code: 'body_contract',
      fault: { pointer: '/signed_metadata', problem: 'undeclared_member' },
    });
  });
});

function metadata(): Record<string, unknown> {
  return { tenant_id: TENANT, operator_id: OPERATOR, campaign_id: 'campaign-1' };
}

describe('an execution graph', () => {
  it.each<[string, string, Record<string, unknown>]>([
    ['no graph', 'body_contract', without(graphFields(), 'graph')],
    ['a graph that is an array', 'body_contract', graphFields({ graph: [] })],
    ['another schema version', 'schema_version', graphFields({ schema_version: 'execution.graph.v2' })],
    ['no attestation', 'attestation_malformed', without(graphFields(), 'attestation_measurement_hash')],
    ['a short fingerprint', 'body_contract', graphFields({ execution_fingerprint: 'ab' })],
    ['another tenant in the graph', 'body_binding_mismatch', graphFields({ graph: { tenant_id: 'other' } })],
    ['another operator in the graph', 'body_binding_mismatch', graphFields({ graph: { operator_id: 'x' } })],
    [
      'another fingerprint in the graph',
      'body_binding_mismatch',
      graphFields({ graph: { execution_fingerprint: '00'.repeat(32) } }),
    ],
    ['a tenant in the graph that is null', 'body_contract', graphFields({ graph: { tenant_id: null } })],
  ])('is refused with %s: %s', (_title, code, fields) => {
    expect(verdict(GRAPH_PATH, fields)).toBe(code);
  });

  it.each<[string, Record<string, unknown>]>([
    ['no copies in the graph', graphFields({ graph: { nodes: [] } })],
    ['a fingerprint in another case', graphFields({ execution_fingerprint: EXECUTION.toUpperCase() })],
  ])('passes with %s', (_title, fields) => {
    expect(verdict(GRAPH_PATH, fields)).toBe('verified');
  });
});

describe('a feedback query', () => {
  it.each(['0', '1001', '-1', '1.0', '1e2', '"100"', 'true', 'null', '-0', '9'.repeat(400)])(
    'is refused with the limit %s',
    (limit) => {
      expect(verdict(QUERY_PATH, withRaw(commonFields(), 'limit', limit))).toBe('body_contract');
    },
  );

  it.each(['1', '100', '1000'])('passes with the limit %s', (limit) => {
    expect(verdict(QUERY_PATH, withRaw(commonFields(), 'limit', limit))).toBe('verified');
  });
});
