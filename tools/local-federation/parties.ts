/** Who takes part in the local federation: two producers of two tenants, each allowed to speak for its own operator. */

/** A pinned producer, its operator and the tenant that the operator maps to. */
export interface Party {
  /** Its service identity, the common name of its certificate and the name of its files. */
  readonly identity: string;
  readonly operator: string;
  readonly tenant: string;
}

/** The producer of the examples. */
export const PRODUCER_A: Party = {
  identity: 'producer-a',
  operator: 'operator-a',
  tenant: '11111111-1111-4111-8111-111111111111',
};

/** Another one, of another tenant. */
export const PRODUCER_B: Party = {
  identity: 'producer-b',
  operator: 'operator-b',
  tenant: '22222222-2222-4222-8222-222222222222',
};

/** The telemetry schema version on the allow-list. */
export const SCHEMA_VERSION = 'telemetry.v1';

/** The id of the feedback key, as it is in the field. */
export const FEEDBACK_KID = 'default';

/** The name of the audit log, which is that of its key as well. */
export const AUDIT_ORIGIN = 'countersign.localhost/federation';
