import {
  codeOf,
  commonFields,
  GRAPH_PATH,
  graphFields,
  judgeParts,
  NONCE,
  NOW_SECONDS,
  QUERY_PATH,
  signedJson,
  TELEMETRY_PATH,
  telemetryFields,
  telemetryParts,
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
