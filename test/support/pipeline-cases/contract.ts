/** Media type, contract and authorisation. */
import { header, type PipelineCase } from './case.js';
import {
  ATTESTATION,
  bundleFields,
  bundleParts,
  EXECUTION,
  GRAPH_PATH,
  graphFields,
  keyEntry,
  KID,
  NOW_SECONDS,
  OPERATOR,
  OTHER_OPERATOR,
  OTHER_TENANT,
  otherKey,
  producerKey,
  SCHEMA_VERSION,
  setHeader,
  signedJson,
  signedParts,
  telemetryFields,
  telemetryParts,
  TENANT,
} from '../signed-request.js';

export const announcedCases: readonly PipelineCase[] = [
  { title: 'a gzip encoding', code: 'content_encoding', parts: header('content-encoding', 'gzip') },
  {
    title: 'identity and another encoding in one line',
    code: 'content_encoding',
    parts: header('content-encoding', 'identity, gzip'),
  },
  {
    title: 'identity and another encoding in two lines',
    code: 'content_encoding',
    parts: header('content-encoding', 'identity', 'gzip'),
  },
  {
    title: 'identity twice',
    code: 'content_encoding',
    parts: header('content-encoding', 'identity', 'identity'),
  },
  { title: 'an empty encoding', code: 'content_encoding', parts: header('content-encoding', '') },
  {
    title: 'an encoding where nobody parses the body',
    code: 'content_encoding',
    parts: () => {
      const parts = signedParts();
      setHeader(parts, 'content-encoding', 'br');
      return parts;
    },
  },
  { title: 'no content type', code: 'content_type', parts: header('content-type') },
  ...[
    '',
    'text/plain',
    'application/jsonp',
    'application/json5',
    'application/problem+json',
    'application/json, text/plain',
    ' application/json',
    'application / json',
    'application/x-www-form-urlencoded',
    'application/json; charset=utf-7',
    'application/json; charset=utf-16',
    'application/json; charset=shift_jis',
    'application/json; version=1',
    'application/json; charset=utf-8; charset=utf-8',
    'application/json;',
  ].map((type): PipelineCase => ({
    title: `the content type ${JSON.stringify(type)}`,
    code: 'content_type',
    parts: header('content-type', type),
  })),
  {
    title: 'two content types',
    code: 'content_type',
    parts: header('content-type', 'application/json', 'application/json'),
  },
];

export const contractCases: readonly PipelineCase[] = [
  { title: 'a JSON route without a body', code: 'body_not_json', parts: () => telemetryParts('') },
  { title: 'a body that is no object', code: 'body_contract', parts: () => telemetryParts('[]') },
  {
    title: 'a schema version that is not allowed',
    code: 'schema_version',
    parts: () =>
      telemetryParts(
        telemetryFields({
          payload: {
            attributes: { schema_version: 'telemetry.v9', attestation_measurement_hash: ATTESTATION },
          },
        }),
      ),
  },
  {
    title: 'a telemetry event without an attestation',
    code: 'attestation_malformed',
    parts: () =>
      telemetryParts(telemetryFields({ payload: { attributes: { schema_version: SCHEMA_VERSION } } })),
  },
  {
    title: 'a body with another nonce',
    code: 'body_repeats_other_nonce',
    parts: () => telemetryParts(telemetryFields({ nonce: 'another-nonce-0123' })),
  },
  {
    title: 'a body with another timestamp',
    code: 'body_repeats_other_timestamp',
    parts: () => telemetryParts(telemetryFields({ timestamp: NOW_SECONDS - 1 })),
  },
  {
    title: 'signed metadata of another tenant',
    code: 'body_binding_mismatch',
    parts: () =>
      telemetryParts(
        telemetryFields({
          signed_metadata: { tenant_id: OTHER_TENANT, operator_id: OPERATOR, campaign_id: 'campaign-1' },
        }),
      ),
  },
  {
    title: 'a graph of another execution',
    code: 'body_binding_mismatch',
    parts: () =>
      signedJson(GRAPH_PATH, graphFields({ graph: { nodes: [], execution_fingerprint: '00'.repeat(32) } })),
  },
];

const foreign = (operator: string, tenant: string) => () =>
  telemetryParts(
    telemetryFields({
      operator_id: operator,
      tenant_id: tenant,
      signed_metadata: { tenant_id: tenant, operator_id: operator, campaign_id: 'campaign-1' },
    }),
  );

export const authorisationCases: readonly PipelineCase[] = [
  {
    title: 'an operator that maps to no tenant',
    code: 'operator_unmapped',
    parts: foreign('stranger', TENANT),
  },
  {
    title: 'an operator by the name of an object property',
    code: 'operator_unmapped',
    parts: foreign('__proto__', TENANT),
  },
  {
    title: 'an operator in another case',
    code: 'operator_unmapped',
    parts: foreign(OPERATOR.toUpperCase(), TENANT),
  },
  {
    title: 'an operator that is not one of the identity',
    code: 'operator_not_of_identity',
    parts: foreign(OTHER_OPERATOR, OTHER_TENANT),
    snapshot: { identity: { operators: new Set([OPERATOR]) } },
  },
  {
    title: 'an identity that may speak for nobody',
    code: 'operator_not_of_identity',
    parts: () => telemetryParts(),
    snapshot: { identity: { operators: new Set() } },
  },
  {
    title: 'the tenant of another operator',
    code: 'tenant_mismatch',
    parts: foreign(OPERATOR, OTHER_TENANT),
  },
  {
    title: 'the right tenant in upper case',
    code: 'tenant_mismatch',
    parts: foreign(OPERATOR, TENANT.toUpperCase()),
  },
  {
    title: 'an attestation that is not one of the identity',
    code: 'attestation_not_allowed',
    parts: () => telemetryParts(),
    snapshot: { identity: { attestations: new Set([EXECUTION]) } },
  },
  {
    title: 'a bundle of an operator that maps to no tenant',
    code: 'operator_unmapped',
    parts: () => bundleParts(bundleFields({ operator_id: 'stranger' })),
  },
  {
    title: 'a bundle that another key has signed',
    code: 'signature_invalid',
    parts: () => bundleParts(bundleFields({}, otherKey)),
  },
  {
    title: 'a bundle under a key for requests alone',
    code: 'key_unknown',
    parts: () => bundleParts(),
    snapshot: { identity: { keys: [keyEntry(KID, producerKey, { purposes: ['request'] })] } },
  },
];
