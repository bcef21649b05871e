/**
 * The federation's four routes as data: docs/wire-contract.md#the-federations-bodies.
 * What each field means is written there; this file is its only translation.
 */
import type { FieldContract, FieldEquality } from '../../verify/body-contract.js';
import type { PolicyEvents, RouteMatch } from '../../verify/snapshot.js';
import type { ProfileName } from '../schema/policy.js';
import { anyText, idText, optional, required, versionText, type ContractParts } from './json-body.js';

/** A route that is known by name. */
export interface Profile {
  readonly match: RouteMatch;
  readonly events: PolicyEvents;
  readonly signature: 'headers' | 'bundle';
  /** Requests of one group share an operator's allowance; graphs are counted apart. */
  readonly rateLimitGroup: string;
  /** The body, with the schema versions that the file allows where the profile leaves them open. */
  readonly contract: (schemaVersions: readonly string[] | undefined) => ContractParts;
}

/** The events of policies that are no profile. */
export const defaultEvents: PolicyEvents = { accepted: 'request.accepted', rejected: 'request.rejected' };

/** The group of every policy that is not counted apart. */
export const defaultRateLimitGroup = 'default';

/** The profiles by name. */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  'federation.telemetry': {
    match: post('/internal/v1/telemetry'),
    events: { accepted: 'telemetry.accepted', rejected: 'telemetry.rejected' },
    signature: 'headers',
    rateLimitGroup: defaultRateLimitGroup,
    contract: telemetryContract,
  },
  'federation.execution-graph': {
    match: post('/internal/v1/cognitive/execution-graph'),
    events: { accepted: 'cognitive.graph.accepted', rejected: 'cognitive.graph.rejected' },
    signature: 'headers',
    rateLimitGroup: 'graph',
    contract: executionGraphContract,
  },
  'federation.feedback-query': {
    match: post('/internal/v1/cognitive/feedback/adjustments/query'),
    // `cognitive.feedback.issued` is the signed answer's event, not the query's.
    events: { accepted: 'request.accepted', rejected: 'cognitive.feedback.refused' },
    signature: 'headers',
    rateLimitGroup: defaultRateLimitGroup,
    contract: feedbackQueryContract,
  },
  'federation.verify': {
    match: post('/internal/v1/federation/verify'),
    events: { accepted: 'federation.accepted', rejected: 'federation.rejected' },
    signature: 'bundle',
    rateLimitGroup: defaultRateLimitGroup,
    contract: bundleContract,
  },
};

function post(path: string): RouteMatch {
  return { kind: 'exact', path, methods: new Set(['POST']), allowQuery: false };
}

/** Operator, tenant, time and nonce: in every body whose headers are signed. */
const commonFields: readonly FieldContract[] = [
  required('/operator_id', idText),
  required('/tenant_id', { kind: 'uuid' }),
  required('/timestamp', { kind: 'timestamp' }),
  required('/nonce', { kind: 'nonce' }),
];
const commonMembers = ['operator_id', 'tenant_id', 'timestamp', 'nonce'];
const commonRoles = {
  operator: '/operator_id',
  tenant: '/tenant_id',
  timestamp: '/timestamp',
  nonce: '/nonce',
} as const;

function telemetryContract(schemaVersions: readonly string[] | undefined): ContractParts {
  const attributes = '/payload/attributes';
  const signedMetadata = ['tenant_id', 'operator_id', 'campaign_id'];
  return {
    fields: [
      ...commonFields,
      required('/campaign_id', idText),
      required('/execution_hash', { kind: 'sha256' }),
      required('/signed_metadata', { kind: 'object' }),
      // Any text: equality with the field above is stricter than a syntax, and a mismatch is a 401, not a 422.
      ...signedMetadata.map((name) => required(`/signed_metadata/${name}`, anyText)),
      required('/payload', { kind: 'object' }),
      required(attributes, { kind: 'object' }),
      required(`${attributes}/schema_version`, versionText),
      required(`${attributes}/attestation_measurement_hash`, { kind: 'sha256' }),
    ],
    closedObjects: [
      {
        pointer: '',
        members: [...commonMembers, 'campaign_id', 'execution_hash', 'signed_metadata', 'payload'],
      },
      { pointer: '/signed_metadata', members: signedMetadata },
    ],
    roles: {
      ...commonRoles,
      schemaVersion: `${attributes}/schema_version`,
      attestation: `${attributes}/attestation_measurement_hash`,
      execution: '/execution_hash',
    },
    equalities: signedMetadata.map((name) => equality(`/signed_metadata/${name}`, `/${name}`, false)),
    schemaVersions,
  };
}

function executionGraphContract(): ContractParts {
  return {
    fields: [
      ...commonFields,
      required('/execution_fingerprint', { kind: 'sha256' }),
      required('/schema_version', versionText),
      required('/attestation_measurement_hash', { kind: 'sha256' }),
      required('/graph', { kind: 'object' }),
      optional('/graph/tenant_id', anyText),
      optional('/graph/operator_id', anyText),
      // A hash, so that either case of its digits compares as the same.
      optional('/graph/execution_fingerprint', { kind: 'sha256' }),
    ],
    closedObjects: [
      {
        pointer: '',
        members: [
          ...commonMembers,
          'execution_fingerprint',
          'schema_version',
          'attestation_measurement_hash',
          'graph',
        ],
      },
    ],
    roles: {
      ...commonRoles,
      schemaVersion: '/schema_version',
      attestation: '/attestation_measurement_hash',
      execution: '/execution_fingerprint',
    },
    equalities: ['tenant_id', 'operator_id', 'execution_fingerprint'].map((name) =>
      equality(`/graph/${name}`, `/${name}`, true),
    ),
    schemaVersions: ['execution.graph.v1'],
  };
}

function feedbackQueryContract(): ContractParts {
  return {
    fields: [...commonFields, optional('/limit', { kind: 'integer', min: 1, max: 1000 })],
    closedObjects: [{ pointer: '', members: [...commonMembers, 'limit'] }],
    roles: commonRoles,
  };
}

function bundleContract(): ContractParts {
  // A `|` inside a field would let bytes move from one field of the signed string to the next.
  const bounded = (minLength: number, maxLength: number) =>
    ({ kind: 'string', minLength, maxLength, forbid: '|' }) as const;
  const signed = ['operator_id', 'campaign_id', 'execution_hash', 'timestamp', 'nonce'];
  return {
    fields: [
      required('/bundle', { kind: 'object' }),
      required('/bundle/operator_id', bounded(1, 128)),
      required('/bundle/campaign_id', bounded(1, 128)),
      required('/bundle/execution_hash', { kind: 'sha256' }),
      required('/bundle/timestamp', { kind: 'integer', min: 1, max: 99_999_999_999 }),
      required('/bundle/nonce', bounded(12, 128)),
      required('/bundle/signature', { kind: 'signature' }),
    ],
    closedObjects: [
      { pointer: '', members: ['bundle'] },
      { pointer: '/bundle', members: [...signed, 'signature'] },
    ],
    roles: {
      operator: '/bundle/operator_id',
      execution: '/bundle/execution_hash',
      timestamp: '/bundle/timestamp',
      nonce: '/bundle/nonce',
      signature: '/bundle/signature',
    },
    signedFields: signed.map((name) => `/bundle/${name}`),
  };
}

function equality(left: string, right: string, ifPresent: boolean): FieldEquality {
  return { left, right, ifPresent };
}
