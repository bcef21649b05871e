/** The verifier's configuration for this machine: all four federation profiles, two producers, the unsigned pages. */
import { stringify } from 'yaml';
import type { z } from 'zod';
import type { configurationSchema } from '../../src/config/schema/schema.js';
import type { CertificateFiles, Certificates } from './certificates.js';
import { AUDIT_ORIGIN, FEEDBACK_KID, PRODUCER_A, PRODUCER_B, SCHEMA_VERSION, type Party } from './parties.js';
import type { Ports } from './ports.js';
import { redisSection, type Nonces } from './redis.js';
import type { SigningKey, SigningKeys } from './signing-keys.js';

/** `countersign.yaml` as data, before the schema fills in its defaults. */
export type ConfigurationDocument = z.input<typeof configurationSchema>;

/** An address that Envoy can forward to. */
export interface UpstreamAddress {
  readonly address: string;
  readonly port: number;
}

/** What the configuration is made of. */
export interface ConfigurationFacts {
  readonly certificates: Certificates;
  readonly keys: SigningKeys;
  readonly ports: Ports;
  readonly upstream: UpstreamAddress;
  readonly nonces: Nonces;
  /** Per verified operator; 0 turns the limit off. */
  readonly rateLimitPerMinute: number;
}

const LOOPBACK = '127.0.0.1';

const METHODS_OF_PAGES = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];

function identity(
  party: Party,
  certificate: CertificateFiles,
  key: SigningKey,
): ConfigurationDocument['identities'][number] {
  return {
    name: party.identity,
    certificates: [{ sha256: certificate.sha256 }],
    keys: [{ kid: 'default', publicKey: key.publicKey, purposes: ['request', 'bundle'] }],
    operators: [party.operator],
  };
}

const policies: ConfigurationDocument['policies'] = [
  { name: 'telemetry', profile: 'federation.telemetry', schemaVersions: [SCHEMA_VERSION] },
  { name: 'graph', profile: 'federation.execution-graph' },
  { name: 'feedback', profile: 'federation.feedback-query' },
  { name: 'bundle', profile: 'federation.verify' },
  {
    name: 'portal',
    match: { methods: METHODS_OF_PAGES, pathPrefix: '/portal/', allowQuery: true },
    passThrough: { reason: 'pages of the portal have their own login' },
  },
  {
    name: 'login',
    match: { methods: ['GET', 'HEAD', 'POST'], path: '/login', allowQuery: true },
    passThrough: { reason: 'the login itself comes before any session' },
  },
  {
    name: 'api',
    match: { methods: METHODS_OF_PAGES, pathPrefix: '/api/v1/', allowQuery: true },
    passThrough: { reason: 'the API checks the tokens of its own users' },
  },
];

function envoySection({ certificates, ports, upstream }: ConfigurationFacts): ConfigurationDocument['envoy'] {
  return {
    listener: { address: LOOPBACK, port: ports.listener },
    health: { address: LOOPBACK, port: ports.envoyHealth },
    admin: { address: LOOPBACK, port: ports.envoyAdmin },
    upstream,
    tls: {
      certificateFile: certificates.server.certificateFile,
      privateKeyFile: certificates.server.keyFile,
      clientCaFile: certificates.authorityFile,
      sdsDirectory: 'run/sds',
    },
    accessLog: 'audit/access.ndjson',
  };
}

function nonceSection({ nonces, keys }: ConfigurationFacts): ConfigurationDocument['nonces'] {
  if (typeof nonces === 'object') return redisSection(nonces, keys);
  return nonces === 'memory' ? { store: 'memory' } : { store: 'lmdb', directory: 'state/nonces' };
}

/** The document; relative paths in it are relative to the folder that it will lie in. */
export function federationConfiguration(facts: ConfigurationFacts): ConfigurationDocument {
  const { certificates, keys } = facts;
  return {
    version: 1,
    listen: { socket: 'run/verifier.sock' },
    admin: { host: LOOPBACK, port: facts.ports.verifierAdmin },
    audit: {
      file: 'audit/decisions.ndjson',
      log: { directory: 'audit/log', origin: AUDIT_ORIGIN, keyFile: keys.auditLog.file },
    },
    nonces: nonceSection(facts),
    rateLimit: { perMinute: facts.rateLimitPerMinute },
    operators: { [PRODUCER_A.operator]: PRODUCER_A.tenant, [PRODUCER_B.operator]: PRODUCER_B.tenant },
    identities: [
      identity(PRODUCER_A, certificates.producerA, keys.producerA),
      identity(PRODUCER_B, certificates.producerB, keys.producerB),
    ],
    policies,
    feedback: { keys: [{ kid: FEEDBACK_KID, privateKeyFile: keys.feedback.file }] },
    envoy: envoySection(facts),
  };
}

/** The document as YAML, with a line that says where it came from. */
export function configurationText(document: ConfigurationDocument): string {
  return `# Written by make local-federation-up; the next one writes it again.\n${stringify(document)}`;
}
