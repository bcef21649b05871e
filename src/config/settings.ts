/** What a configuration is made of besides the snapshot: sockets, stores, limits. Read once at start. */
import { join, parse } from 'node:path';
import type { RedisSettings } from '../storage/redis/settings.js';
import type { Snapshot } from '../verify/snapshot.js';
import type { FileState } from './files/read-file.js';

/** The Unix socket on which Envoy reaches us. Its directory is 0750 or 2770, the socket 0660 (docs/security-requirements.md#30). */
export interface ListenSettings {
  readonly socketPath: string;
}

/** Admin, metrics and health; loopback unless the operator says otherwise (docs/security-requirements.md#31). */
export interface AdminSettings {
  readonly host: string;
  readonly port: number;
  /** Names in `Host` that are answered besides those of loopback, lower case. */
  readonly allowedHosts?: readonly string[];
}

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
  readonly sink: { readonly kind: 'stdout' } | { readonly kind: 'file'; readonly path: string };
  /** `refuse`: no allow without its record. `count`: traffic goes on, every loss is counted. */
  readonly onFailure: 'refuse' | 'count';
}

/** Bounds on what one process takes on. */
export interface LimitSettings {
  /** The largest body that Envoy may send us; the largest `maxBodyBytes` of any policy. */
  readonly maxBodyBytes: number;
  /** Checks under way at once; the next one is refused with 503. */
  readonly maxConcurrentChecks: number;
  /** A claim is not begun with less than this left of Envoy's deadline. */
  readonly claimMarginMilliseconds: number;
  /** Taken as the deadline when a check comes without one. Equal to ext_authz `grpc_service.timeout`. */
  readonly checkTimeoutMilliseconds: number;
  /** How long stopping may take after SIGTERM. */
  readonly drainMilliseconds: number;
  /** The part of it in which new calls are still served, until Envoy has noticed; at most `drainMilliseconds`. */
  readonly drainDelayMilliseconds: number;
}

interface LogSettings {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
}

/** Where Envoy listens: one port of one IP address or of several. */
interface ListeningSettings {
  readonly address: string | readonly string[];
  readonly port: number;
}

/** What `countersign envoy-config` renders besides the policies. */
export interface EnvoySettings {
  readonly listener: ListeningSettings;
  readonly health: ListeningSettings | undefined;
  readonly admin: { readonly address: string; readonly port: number };
  readonly upstream: { readonly address: string; readonly port: number };
  readonly tls: {
    readonly certificateFile: string;
    readonly privateKeyFile: string;
    readonly clientCaFile: string;
    readonly sdsDirectory: string;
    /** `optional`: a client may come without one, for what is passed through unchecked. */
    readonly clientCertificate: 'required' | 'optional';
  };
  readonly accessLogPath: string;
  /** Requests per second from one connection, and connections per second, before anything is verified; 0 turns it off. */
  readonly flood: { readonly requestsPerSecondPerConnection: number; readonly connectionsPerSecond: number };
}

export interface ServerSettings {
  readonly listen: ListenSettings;
  /** Processes that judge requests; where there are several, {@link workerSocketPaths} names the socket of each. */
  readonly workers: number;
  readonly admin: AdminSettings;
  readonly nonces: NonceSettings;
  readonly audit: AuditSettings;
  readonly limits: LimitSettings;
  readonly log: LogSettings;
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

/** What files looked like, by absolute path. */
export type FileStates = ReadonlyMap<string, FileState>;

/** `fileStates`: of every file that was named, so that a change of any of them can be noticed. */
export type LoadResult =
  | { readonly ok: true; readonly configuration: Configuration; readonly fileStates: FileStates }
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
export function workerSocketPaths({ listen, workers }: Pick<ServerSettings, 'listen' | 'workers'>): string[] {
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
