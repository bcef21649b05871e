/** `.env.countersign.local`: the runtime values of a federation, an interface that programs and tests plug into. */
import type { Certificates } from './certificates.js';
import { fromRoot, type Layout } from './layout.js';
import { FEEDBACK_KID, PRODUCER_A, PRODUCER_B, SCHEMA_VERSION } from './parties.js';
import type { Ports } from './ports.js';
import type { SigningKeys } from './signing-keys.js';

/** Every name, in the order of the file. */
export const ENVIRONMENT_NAMES = [
  'COUNTERSIGN_URL',
  'COUNTERSIGN_CA_FILE',
  'COUNTERSIGN_SERVICE_IDENTITY',
  'COUNTERSIGN_CLIENT_CERT_FILE',
  'COUNTERSIGN_CLIENT_KEY_FILE',
  'COUNTERSIGN_CLIENT_CERT_SHA256',
  'COUNTERSIGN_SIGNING_KEY_FILE',
  'COUNTERSIGN_OPERATOR_ID',
  'COUNTERSIGN_TENANT_ID',
  'COUNTERSIGN_SCHEMA_VERSION',
  'COUNTERSIGN_OTHER_SERVICE_IDENTITY',
  'COUNTERSIGN_OTHER_CLIENT_CERT_FILE',
  'COUNTERSIGN_OTHER_CLIENT_KEY_FILE',
  'COUNTERSIGN_OTHER_SIGNING_KEY_FILE',
  'COUNTERSIGN_OTHER_OPERATOR_ID',
  'COUNTERSIGN_OTHER_TENANT_ID',
  'COUNTERSIGN_UNPINNED_CERT_FILE',
  'COUNTERSIGN_UNPINNED_KEY_FILE',
  'COUNTERSIGN_FEEDBACK_KEYRING_JSON',
  'COUNTERSIGN_CONFIG_FILE',
  'COUNTERSIGN_ENVOY_CONFIG_FILE',
  'COUNTERSIGN_ADMIN_URL',
  'COUNTERSIGN_ENVOY_ADMIN_URL',
  'COUNTERSIGN_UPSTREAM_URL',
  'COUNTERSIGN_AUDIT_LOG_DIR',
  'COUNTERSIGN_AUDIT_VKEY_FILE',
] as const;

/** One of the names. */
export type EnvironmentName = (typeof ENVIRONMENT_NAMES)[number];

/** The values by name. File names are relative to the repository. */
export type FederationEnvironment = Readonly<Record<EnvironmentName, string>>;

/** What the values are made of. */
export interface EnvironmentFacts {
  readonly layout: Layout;
  readonly certificates: Certificates;
  readonly keys: SigningKeys;
  readonly ports: Ports;
  /** Where the application is looked at; not necessarily the port that Envoy forwards to. */
  readonly upstreamUrl: string;
}

/** The values of a federation. */
export function federationEnvironment(facts: EnvironmentFacts): FederationEnvironment {
  const { layout, certificates, keys, ports } = facts;
  const { producerA, producerB, unpinned } = certificates;
  const file = (path: string): string => fromRoot(layout, path);
  return {
    COUNTERSIGN_URL: `https://localhost:${ports.listener}`,
    COUNTERSIGN_CA_FILE: file(certificates.authorityFile),
    COUNTERSIGN_SERVICE_IDENTITY: PRODUCER_A.identity,
    COUNTERSIGN_CLIENT_CERT_FILE: file(producerA.certificateFile),
    COUNTERSIGN_CLIENT_KEY_FILE: file(producerA.keyFile),
    COUNTERSIGN_CLIENT_CERT_SHA256: producerA.sha256,
    COUNTERSIGN_SIGNING_KEY_FILE: file(keys.producerA.file),
    COUNTERSIGN_OPERATOR_ID: PRODUCER_A.operator,
    COUNTERSIGN_TENANT_ID: PRODUCER_A.tenant,
    COUNTERSIGN_SCHEMA_VERSION: SCHEMA_VERSION,
    COUNTERSIGN_OTHER_SERVICE_IDENTITY: PRODUCER_B.identity,
    COUNTERSIGN_OTHER_CLIENT_CERT_FILE: file(producerB.certificateFile),
    COUNTERSIGN_OTHER_CLIENT_KEY_FILE: file(producerB.keyFile),
    COUNTERSIGN_OTHER_SIGNING_KEY_FILE: file(keys.producerB.file),
    COUNTERSIGN_OTHER_OPERATOR_ID: PRODUCER_B.operator,
    COUNTERSIGN_OTHER_TENANT_ID: PRODUCER_B.tenant,
    COUNTERSIGN_UNPINNED_CERT_FILE: file(unpinned.certificateFile),
    COUNTERSIGN_UNPINNED_KEY_FILE: file(unpinned.keyFile),
    COUNTERSIGN_FEEDBACK_KEYRING_JSON: JSON.stringify({ [FEEDBACK_KID]: keys.feedback.publicKey }),
    COUNTERSIGN_CONFIG_FILE: file(layout.configurationFile),
    COUNTERSIGN_ENVOY_CONFIG_FILE: file(layout.envoyFile),
    COUNTERSIGN_ADMIN_URL: `http://127.0.0.1:${ports.verifierAdmin}`,
    COUNTERSIGN_ENVOY_ADMIN_URL: `http://127.0.0.1:${ports.envoyAdmin}`,
    COUNTERSIGN_UPSTREAM_URL: facts.upstreamUrl,
    COUNTERSIGN_AUDIT_LOG_DIR: file(layout.auditLog),
    COUNTERSIGN_AUDIT_VKEY_FILE: file(keys.auditVerifierKeyFile),
  };
}

/** As plain `NAME=value` lines: no quotes, no comments, so that a shell, Make and dotenv libraries all read it. */
export function environmentText(environment: FederationEnvironment): string {
  return ENVIRONMENT_NAMES.map((name) => `${name}=${environment[name]}\n`).join('');
}

/** Reads such lines back; undefined when a name is missing. */
export function parseEnvironment(text: string): FederationEnvironment | undefined {
  const lines = text.split('\n').map((line) => /^([A-Z0-9_]+)=(.*)$/.exec(line));
  const values = new Map(
    lines.flatMap((match) => (match === null ? [] : [[match[1] ?? '', match[2] ?? '']])),
  );
  const complete = ENVIRONMENT_NAMES.every((name) => values.has(name));
  return complete ? (Object.fromEntries(values) as FederationEnvironment) : undefined;
}
