import {
  bundleFields,
  bundleParts,
  judgeParts,
  NOW_SECONDS,
  signedJson,
  TELEMETRY_PATH,
  telemetryFields,
} from '../../../support/signed-request.js';

const faultOf = (body: Record<string, unknown> | string) => {
  const { judgement } = judgeParts(signedJson(TELEMETRY_PATH, body));
  return judgement.kind === 'refuse' ? judgement.fault : judgement;
};
const attributes = (change: Record<string, unknown>) => {
  const { payload } = telemetryFields() as { payload: { attributes: Record<string, unknown> } };
  return telemetryFields({ payload: { attributes: { ...payload.attributes, ...change } } });
};
const metadata = (change: Record<string, unknown>) => {
  const fields = telemetryFields() as { signed_metadata: Record<string, unknown> };
  return telemetryFields({ signed_metadata: { ...fields.signed_metadata, ...change } });
};
const text = JSON.stringify(telemetryFields());

describe('what is wrong with a body is said with its pointer', () => {
  it.each([
    ['a member that is missing', telemetryFields({ campaign_id: undefined }), 'missing', '/campaign_id'],
    ['a member of another type', telemetryFields({ campaign_id: 7 }), 'wrong_type', '/campaign_id'],
    ['null', telemetryFields({ campaign_id: null }), 'wrong_type', '/campaign_id'],
    ['a float', text.replace(`:${NOW_SECONDS}`, `:${NOW_SECONDS}.0`), 'wrong_type', '/timestamp'],
    ['a text in place of an object', telemetryFields({ payload: 'x' }), 'wrong_type', '/payload'],
    [
      'a text that is too long',
      telemetryFields({ campaign_id: 'c'.repeat(129) }),
      'malformed',
      '/campaign_id',
    ],
    ['no UUID', telemetryFields({ tenant_id: 'tenant' }), 'malformed', '/tenant_id'],
    ['an unknown member', telemetryFields({ more: 1 }), 'undeclared_member', ''],
    ['an unknown member deeper', metadata({ more: 1 }), 'undeclared_member', '/signed_metadata'],
    ['no object', '[]', 'wrong_type', ''],
    [
      'a schema version that is not allowed',
      attributes({ schema_version: 'v0' }),
      'not_allowed',
      '/payload/attributes/schema_version',
    ],
    [
      'no attestation',
      attributes({ attestation_measurement_hash: undefined }),
      'missing',
      '/payload/attributes/attestation_measurement_hash',
    ],
    ['another nonce', telemetryFields({ nonce: 'another-nonce-1' }), 'mismatch', '/nonce'],
    ['another time', telemetryFields({ timestamp: NOW_SECONDS + 1 }), 'mismatch', '/timestamp'],
    ['another campaign', metadata({ campaign_id: 'x' }), 'mismatch', '/signed_metadata/campaign_id'],
    [
      'an operator of nobody',
      { ...metadata({ operator_id: 'stranger' }), operator_id: 'stranger' },
      'not_allowed',
      '/operator_id',
    ],
  ])('%s', (_title, body, problem, pointer) => {
    expect(faultOf(body)).toEqual({ problem, pointer });
  });

  it('and with the offset where it is no acceptable JSON', () => {
    expect(faultOf(`${text}!`)).toEqual({ problem: 'trailing_bytes', offset: text.length });
  });

  it('to nobody whose bundle has not verified: its key is not proven by then', () => {
    const { judgement, facts } = judgeParts(bundleParts({ ...bundleFields(), more: 1 }));
    expect(judgement).toMatchObject({ fault: { pointer: '/bundle', problem: 'undeclared_member' } });
    expect(facts.kid).toBeUndefined();
  });
});
