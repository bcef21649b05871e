/** What a configuration is made of besides the snapshot: sockets, stores, limits. Read once at start. */
import { join, parse } from 'node:path';
import type { KeySetSettings } from '../keys/key-sets/settings.js';
import type { KeySourceSettings } from '../keys/settings.js';
import type { RedisSettings, Secret } from '../storage/redis/settings.js';
import type { RotationSchedule } from '../feedback/rotation.js';
import type { Snapshot } from '../verify/snapshot.js';
import type { FileState } from './files/read-file.js';
import type { ConfigurationInput, EnvoyInput } from './schema/schema.js';

/** The Unix socket on which Envoy reaches us. Its directory is 0750 or 2770, the socket 0660 (docs/security-requirements.md#30). */
export interface ListenSettings {
  readonly socketPath: string;
  /** Whether requests are judged by way of ext_proc, too. */
  readonly extProcVerify: boolean;
  /** Beside it, for callers who cannot mount it. Default: none. */
  readonly tcp?: TcpListenSettings;
}

/** A listener whose callers show who they are: by `tls`, by one of `secrets`, or by both. */
export interface TcpListenSettings {
  readonly host: string;
  /** Of the first worker; each further one has the next. */
  readonly port: number;
  readonly tls: TcpTlsSettings | undefined;
  /** In lower case. */
  readonly secretHeader: string;
  /** Each is good; empty where none is asked for. */
  readonly secrets: readonly Secret[];
}

/** Both sides show a certificate. */
export interface TcpTlsSettings {
  /** PEM, the verifier's own first. */
  readonly certificate: string;
  /** PEM. */
  readonly privateKey: Secret;
  /** PEM of those whose clients are taken. */
  readonly clientAuthority: string;
  /** DNS names in lower case, and URIs. */
  readonly clientNames: readonly string[];
}

/** Admin, metrics and health; loopback unless the operator says otherwise (docs/security-requirements.md#31). */
export type AdminSettings = Readonly<ConfigurationInput['admin']>;

/** The port for scrapers. */
export type MetricsSettings = Readonly<NonNullable<ConfigurationInput['metrics']>>;

export type NonceSettings =
  | { readonly store: 'memory'; readonly maxEntries: number; readonly maxEntriesPerIdentity: number }
  | {
      readonly store: 'lmdb';
      readonly directory: string;
      readonly maxEntries: number;
      readonly maxEntriesPerIdentity: number;
      /** What a claim survives before it is acknowledged; see docs/adr/0001-nonce-durability.md. */
      readonly durability: 'machine' | 'process';
    }
  | {
      readonly store: 'redis';
      readonly redis: RedisSettings;
      readonly maxEntries: number;
      readonly maxEntriesPerIdentity: number;
    };

/** Where the records go, and what happens when they cannot be written (docs/security-requirements.md#35). */
export interface AuditSettings {
  /** Undefined where the log alone has the records. */
  readonly sink: { readonly kind: 'stdout' } | { readonly kind: 'file'; readonly path: string } | undefined;
  /** Undefined where no log is kept. */
  readonly log: AuditLogSettings | undefined;
  /** Undefined where no collector gets the records of the log. */
  readonly otlp: AuditOtlpSettings | undefined;
  /** `refuse`: no allow without its record. `count`: traffic goes on, every loss is counted. */
  readonly onFailure: 'refuse' | 'count';
  /** What a record survives before it is acknowledged: the end of every process, or of the machine. */
  readonly durability: 'machine' | 'process';
}

/** The log that proves itself. Its private key is read by whoever signs, and held against `publicKey`: no worker has it. */
export interface AuditLogSettings {
  readonly directory: string;
  /** As in the file: `{instance}` is not replaced yet. */
  readonly origin: string;
  readonly keyFile: string;
  /** Raw, 32 bytes: what was in the key file when it was loaded. Empty where an offline load is without it. */
  readonly publicKey: Uint8Array;
  readonly retentionDays: number | undefined;
  readonly mirror: AuditMirrorSettings | undefined;
  readonly witnesses: AuditWitnessSettings | undefined;
}

/** The collector that gets every record of the log. */
export interface AuditOtlpSettings {
  /** Where logs are posted to, its path included. */
  readonly url: string;
  readonly headersPath: string | undefined;
  /** PEM; undefined for those that Node was built with. */
  readonly authority: string | undefined;
  /** `service.instance.id`; undefined for the host's name. */
  readonly instance: string | undefined;
  readonly timeoutMilliseconds: number;
}

/** The collector that gets spans, and how many. */
export interface TracingSettings {
  /** Where spans are posted to, its path included. */
  readonly url: string;
  readonly headersPath: string | undefined;
  /** PEM; undefined for those that Node was built with. */
  readonly authority: string | undefined;
  /** `service.instance.id`; undefined for the host's name. */
  readonly instance: string | undefined;
  readonly timeoutMilliseconds: number;
  readonly serviceName: string;
  /** 0 to 1. */
  readonly sampleRatio: number;
  readonly maxTracesPerSecond: number;
  readonly maxQueuedSpans: number;
}

/** The bucket that the log is mirrored to. Its credentials are read, for each request, by whoever sends it. */
export interface AuditMirrorSettings {
  /** Scheme, host and port. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Empty, or with a slash at its end. */
  readonly prefix: string;
  readonly region: string;
  readonly retentionDays: number;
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE';
  readonly credentialsPath: string;
  /** PEM; undefined for those that Node was built with. */
  readonly authority: string | undefined;
  readonly intervalSeconds: number;
  readonly timeoutMilliseconds: number;
}

/** Who cosigns the log's checkpoints. */
export interface AuditWitnessSettings {
  /** Of a policy that was read once; each of its witnesses has a URL. */
  readonly policyText: string;
  /** PEM; undefined for those that Node was built with. */
  readonly authority: string | undefined;
  readonly intervalSeconds: number;
  readonly timeoutMilliseconds: number;
}

/** The `keys` section. */
export interface KeySettings {
  /** In the order of the file; names are distinct. */
  readonly sources: readonly KeySourceSettings[];
}

/** Bounds on what one process takes on, as the schema describes them. */
export type LimitSettings = Readonly<ConfigurationInput['limits']> & {
  readonly drainDelayMilliseconds: number;
};

/** Feedback keys that are made on schedule. */
export interface RotationSettings {
  /** Absolute. */
  readonly directory: string;
  readonly schedule: RotationSchedule;
}

/** What `countersign envoy-config` renders besides the policies; its paths are absolute. */
export type EnvoySettings = Readonly<Omit<EnvoyInput, 'accessLog'>> & { readonly accessLogPath: string };

export interface ServerSettings {
  readonly listen: ListenSettings;
  /** Processes that judge requests; where there are several, {@link workerSocketPaths} names the socket of each. */
  readonly workers: number;
  readonly admin: AdminSettings;
  /** Undefined where metrics are on the admin port alone. */
  readonly metrics: MetricsSettings | undefined;
  /** Undefined where nothing is traced. */
  readonly tracing?: TracingSettings | undefined;
  /** Of all identities that are not revoked, in their order. Absent: none. */
  readonly keySets?: readonly KeySetSettings[];
  readonly nonces: NonceSettings;
  readonly audit: AuditSettings;
  readonly limits: LimitSettings;
  readonly keys: KeySettings;
  readonly log: Readonly<ConfigurationInput['log']>;
  /** Undefined where no key is made on schedule. */
  readonly keyRotation?: RotationSettings | undefined;
  /** Absent when the file has no `envoy:` section. */
  readonly envoy: EnvoySettings | undefined;
}

/** Something that is allowed and deserves a look: an identity that may speak for every operator, say. */
export interface ConfigurationWarning {
  readonly path: string;
  readonly message: string;
}

/** A configuration that has been validated as a whole. */
export interface Configuration {
  readonly file: string;
  readonly settings: ServerSettings;
  readonly snapshot: Snapshot;
  readonly warnings: readonly ConfigurationWarning[];
  /** Every file that was read, the configuration first: what a reload has to watch. */
  readonly filesRead: readonly string[];
}

/** One fault, told so that its reader can mend it. */
export interface ConfigurationProblem {
  readonly file: string;
  /** Dotted path inside the file, `identities[0].keys[1].kid`; empty for the file itself. */
  readonly path: string;
  /** 1-based, when known. */
  readonly line?: number;
  readonly message: string;
  readonly remedy: string;
}

/** A file that an offline load did without. */
export interface LeftOutFile {
  /** Where the configuration names it, as in problems. */
  readonly path: string;
  /** Absolute, where it will be. */
  readonly file: string;
  /** `secret`: a private key, a password. `public`: a certificate, a public key, a policy. */
  readonly kind: 'secret' | 'public';
}

/** What files looked like, by absolute path. */
export type FileStates = ReadonlyMap<string, FileState>;

/** `fileStates`: of every file that was named, so that a change of any of them can be noticed. */
export type LoadResult =
  | {
      readonly ok: true;
      readonly configuration: Configuration;
      /** Of an offline load: what the configuration is without. Never served where there is any. */
      readonly leftOut: readonly LeftOutFile[];
      readonly fileStates: FileStates;
    }
  | {
      readonly ok: false;
      /** The first hundred of every section, and how many more that has. */
      readonly problems: readonly ConfigurationProblem[];
      /** Those that are not shown included. */
      readonly problemCount: number;
      readonly fileStates: FileStates;
    };

/**
 * The sockets of all workers, in their order: `listen.socket` itself of one alone, else `verifier-0.sock`,
 * `verifier-1.sock`, … beside it. Absolute paths.
 */
export function workerSocketPaths({
  listen,
  workers,
}: {
  readonly listen: Pick<ListenSettings, 'socketPath'>;
  readonly workers: number;
}): string[] {
  const { socketPath } = listen;
  if (workers === 1) return [socketPath];
  const { dir, name, ext } = parse(socketPath);
  return Array.from({ length: workers }, (_, worker) => join(dir, `${name}-${worker}${ext}`));
}

/**
 * Freezes plain objects and lists, all the way down, and returns the same value. Maps, sets, buffers and class
 * instances stay as they are: their types are read-only already, and buffers cannot be frozen.
 */
export function deepFreeze<T>(value: T): T {
  if (value instanceof Map) for (const entry of value.values()) deepFreeze(entry);
  if (!isPlain(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}
