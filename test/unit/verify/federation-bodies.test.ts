import {
  ATTESTATION,
  BUNDLE_PATH,
  bundleFields,
  bundleParts,
  codeOf,
  commonFields,
  EXECUTION,
  GRAPH_PATH,
  graphFields,
  judgeParts,
  NONCE,
  NOW_SECONDS,
  OPERATOR,
  QUERY_PATH,
  SCHEMA_VERSION,
  signedJson,
  telemetryFields,
  telemetryParts,
  TELEMETRY_PATH,
  TENANT,
} from '../../support/signed-request.js';

/** Judges a correctly signed request with this JSON, so that only the body can be at fault. */
const verdict = (path: string, body: Record<string, unknown> | string): string =>
  codeOf(judgeParts(signedJson(path, body)).judgement);

const telemetry = JSON.stringify(telemetryFields());
const without = (fields: Record<string, unknown>, name: string): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => key !== name));

describe('JSON that two readers may take for different things is refused', () => {
  it.each([
    ['a duplicate key', telemetry.replace('{', '{"nonce":"other-nonce-0123",')],
    ['a duplicate key by escape', telemetry.replace('{', '{"\\u006eonce":"other-nonce-0123",')],
    ['a duplicate key deep inside', telemetry.replace('"event_type"', '"a":{"b":1,"b":2},"event_type"')],
    ['a byte-order mark', `\ufeff${telemetry}`],
    ['NaN', telemetry.replace('"scan"', 'NaN')],
    ['Infinity', telemetry.replace('"scan"', '-Infinity')],
    ['a trailing comma', telemetry.replace(/}$/, ',}')],
    ['a second document', `${telemetry}{}`],
    ['a comment', `${telemetry}//`],
    ['single quotes', telemetry.replaceAll('"', "'")],
    ['65 levels', telemetry.replace('"scan"', '['.repeat(63) + ']'.repeat(63))],
    ['a control character in a string', telemetry.replace('"scan"', '"a\nb"')],
    ['nothing', ''],
    ['white space', '  \n'],
    ['a NUL behind it', `${telemetry}\0`],
  ])('%s', (_title, body) => {
    expect(verdict(TELEMETRY_PATH, body)).toBe('body_not_json');
  });

  it('invalid UTF-8', () => {
    const [head, tail] = telemetry.split('"scan"') as [string, string];
    const body = Buffer.concat([Buffer.from(`${head}"`), Buffer.from([0xc0, 0xaf]), Buffer.from(`"${tail}`)]);
    const parts = telemetryParts();
    const resigned = { ...parts, ...signedBytes(body) };
    expect(codeOf(judgeParts(resigned).judgement)).toBe('body_not_json');
  });
});

function signedBytes(body: Uint8Array): ReturnType<typeof telemetryParts> {
  return telemetryParts(telemetryFields(), { body });
}

/** Faults of the fields that all signed-header routes share, as the JSON text of the value. */
const commonFaults: readonly (readonly [title: string, field: string, value: string])[] = [
  ['a timestamp in quotes', 'timestamp', `"${NOW_SECONDS}"`],
  ['a timestamp of three digits in quotes', 'timestamp', '"123"'],
  ['a timestamp with a fraction', 'timestamp', `${NOW_SECONDS}.0`],
  ['a timestamp with an exponent', 'timestamp', `${NOW_SECONDS}e0`],
  ['a short timestamp with a fraction', 'timestamp', '1.0'],
  ['a short timestamp with an exponent', 'timestamp', '1e0'],
  ['a timestamp that is true', 'timestamp', 'true'],
  ['a timestamp that is null', 'timestamp', 'null'],
  ['a negative timestamp', 'timestamp', `-${NOW_SECONDS}`],
  ['a timestamp of minus zero', 'timestamp', '-0'],
  ['a timestamp of thirty digits', 'timestamp', '1'.repeat(30)],
  ['a timestamp in an array', 'timestamp', `[${NOW_SECONDS}]`],
  ['a nonce that is a number', 'nonce', '12345678'],
  ['a nonce of seven characters', 'nonce', '"abcdefg"'],
  ['a nonce with a dot', 'nonce', '"abc.defgh"'],
  ['a nonce that is an object', 'nonce', '{}'],
  ['an operator that is a number', 'operator_id', '7'],
  ['an empty operator', 'operator_id', '""'],
  ['an operator of 129 characters', 'operator_id', `"${'o'.repeat(129)}"`],
  ['an operator with a lone surrogate', 'operator_id', '"a\\ud800"'],
  ['an operator with a reversed pair', 'operator_id', '"\\udc00\\ud800"'],
  ['a tenant without hyphens', 'tenant_id', `"${TENANT.replaceAll('-', '')}"`],
  ['a tenant in braces', 'tenant_id', `"{${TENANT}}"`],
  ['a tenant as a URN', 'tenant_id', `"urn:uuid:${TENANT}"`],
  ['a tenant with another digit', 'tenant_id', `"g${TENANT.slice(1)}"`],
  ['a tenant with a line feed behind it', 'tenant_id', `"${TENANT}\\n"`],
  ['a tenant that is null', 'tenant_id', 'null'],
];

const routes: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ['telemetry', TELEMETRY_PATH, telemetryFields()],
  ['execution graph', GRAPH_PATH, graphFields()],
  ['feedback query', QUERY_PATH, commonFields()],
];

/** The fields as JSON, one of them with this very text as its value. */
function withRaw(fields: Record<string, unknown>, field: string, raw: string): string {
  return JSON.stringify({ ...fields, [field]: '@@' }).replace('"@@"', () => raw);
}

describe.each(routes)('the %s contract', (_name, path, fields) => {
  it.each(commonFaults)('refuses %s', (_title, field, raw) => {
    expect(verdict(path, withRaw(fields, field, raw))).toBe('body_contract');
  });

  it.each(Object.keys(commonFields()))('refuses a body without %s', (field) => {
    expect(verdict(path, without(fields, field))).toBe('body_contract');
  });

  it('refuses an unknown top-level field', () => {
    expect(verdict(path, { ...fields, extra: 1 })).toBe('body_contract');
  });

  it.each(['constructor', '__proto__', 'toString', ''])(
    'refuses the top-level field %j, which nobody declared',
    (name) => {
      expect(verdict(path, JSON.stringify(fields).replace('{', `{${JSON.stringify(name)}:1,`))).toBe(
        'body_contract',
      );
    },
  );

  it.each(['[]', 'null', '1', '"text"', 'true'])('refuses %s for an object', (body) => {
    expect(verdict(path, body)).toBe('body_contract');
  });

  it('refuses a nonce and a timestamp that are not those of the headers', () => {
    expect(verdict(path, { ...fields, nonce: `${NONCE}x` })).toBe('body_repeats_other_nonce');
    expect(verdict(path, { ...fields, timestamp: NOW_SECONDS + 1 })).toBe('body_repeats_other_timestamp');
  });

  it('takes an operator of 128 characters that no single byte holds, up to the mapping', () => {
    expect(verdict(path, { ...fields, operator_id: '\u{1f600}'.repeat(128) })).toMatch(
      /^(operator_unmapped|body_binding_mismatch)$/,
    );
  });

  it('takes members in any order and white space between them', () => {
    const reversed = Object.fromEntries(Object.entries(fields).reverse());
    expect(verdict(path, `\r\n ${JSON.stringify(reversed, null, '\t')} \n`)).toBe('verified');
  });
});

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
    ['other signed metadata', telemetryFields({ signed_metadata: { ...metadata(), more: true } })],
  ])('takes %s', (_title, fields) => {
    expect(verdict(TELEMETRY_PATH, fields)).toBe('verified');
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

describe('a federation bundle', () => {
  const bundleVerdict = (bundle: unknown): string => codeOf(judgeParts(bundleParts(bundle)).judgement);

  it.each<[string, Record<string, unknown>]>([
    ['a bar in the operator', bundleFields({ operator_id: 'a|b' })],
    ['a bar in the campaign', bundleFields({ campaign_id: 'a|b' })],
    ['a bar in the nonce', bundleFields({ nonce: 'bundle|nonce-1' })],
    ['a nonce of 11 characters', bundleFields({ nonce: 'n'.repeat(11) })],
    ['a nonce of 129 characters', bundleFields({ nonce: 'n'.repeat(129) })],
    ['a timestamp in quotes', bundleFields({ timestamp: String(NOW_SECONDS) })],
    ['a timestamp of zero', bundleFields({ timestamp: 0 })],
    ['a timestamp of twelve digits', bundleFields({ timestamp: 100_000_000_000 })],
    ['a fractional timestamp', bundleFields({ timestamp: 1.5 })],
    ['an execution hash of 63 digits', bundleFields({ execution_hash: 'a'.repeat(63) })],
    ['an empty campaign', bundleFields({ campaign_id: '' })],
    ['no signature', without(bundleFields(), 'signature')],
    ['a signature without padding', bundleFields({ signature: 'A'.repeat(86) })],
    ['a signature of 63 bytes', bundleFields({ signature: Buffer.alloc(63).toString('base64') })],
    ['an unknown member', { ...bundleFields(), extra: 1 }],
    ['no operator', without(bundleFields(), 'operator_id')],
  ])('is refused with %s', (_title, bundle) => {
    expect(bundleVerdict(bundle)).toBe('body_contract');
  });

  it.each([
    ['a bundle that is an array', '{"bundle":[]}'],
    ['no bundle', '{}'],
    ['a second member beside it', JSON.stringify({ bundle: bundleFields(), extra: 1 })],
    [
      'an operator with a lone surrogate',
      JSON.stringify({ bundle: bundleFields({ operator_id: '@@' }) }).replace('@@', '\\ud800'),
    ],
  ])('is refused with %s', (_title, body) => {
    expect(bundleVerdict(body)).toBe('body_contract');
  });

  it.each<[string, Record<string, unknown>]>([
    [
      'bytes moved between fields',
      { ...bundleFields(), operator_id: `${OPERATOR}c`, campaign_id: 'ampaign-1' },
    ],
    ['another campaign', { ...bundleFields(), campaign_id: 'campaign-2' }],
    ['another time', { ...bundleFields(), timestamp: NOW_SECONDS }],
    ['another nonce', { ...bundleFields(), nonce: 'bundle-nonce-2' }],
    ['another execution', { ...bundleFields(), execution_hash: '00'.repeat(32) }],
    ['its execution hash in another case', { ...bundleFields(), execution_hash: EXECUTION.toUpperCase() }],
    ['a signature of zeros', { ...bundleFields(), signature: Buffer.alloc(64).toString('base64') }],
  ])('does not verify with %s', (_title, bundle) => {
    expect(bundleVerdict(bundle)).toBe('signature_invalid');
  });

  it.each<[string, Record<string, unknown>]>([
    ['text outside ASCII', bundleFields({ campaign_id: 'Überprüfung \u{1f600}' })],
    [
      'an execution hash that was signed in upper case',
      bundleFields({ execution_hash: EXECUTION.toUpperCase() }),
    ],
    ['a nonce with a dot', bundleFields({ nonce: 'evt.0123:4567' })],
    ['a very old time', bundleFields({ timestamp: 1 })],
  ])('verifies with %s', (_title, bundle) => {
    expect(bundleVerdict(bundle)).toBe('verified');
  });

  it('is recorded with its execution hash in lower case, however it was signed', () => {
    const { facts } = judgeParts(bundleParts(bundleFields({ execution_hash: EXECUTION.toUpperCase() })));
    expect(facts.execution).toBe(EXECUTION);
  });

  it('needs no signature header and reads none', () => {
    const parts = bundleParts();
    parts.headers.push(['x-telemetry-nonce', 'n,o,n,s,e,n,s,e'], ['x-telemetry-signature', '?']);
    expect(codeOf(judgeParts(parts).judgement)).toBe('verified');
    expect(parts.path).toBe(BUNDLE_PATH);
  });
});
