/**
 * The port behind which the pairs of execution and attestation are kept: what each tenant has submitted in
 * execution graphs that passed ingress. The feedback signer asks it whether an adjustment is about something
 * that really happened (docs/wire-contract.md#a-signed-answer).
 */
import { createHash } from 'node:crypto';
import { checkBounded } from '../storage/storage-error.js';

/** One execution of one tenant, with the measurement that was attested for it. */
export interface ExecutionPair {
  /** As the operator maps to it, compared byte for byte. */
  readonly tenant: string;
  /** The execution fingerprint, 64 lower-case hex digits. */
  readonly execution: string;
  /** The attestation measurement hash, 64 lower-case hex digits. */
  readonly attestation: string;
}

/**
 * Bounded: the oldest pair of a tenant is forgotten for its newest, the oldest of all when the store is full,
 * and everything after its retention. What is forgotten is unknown, so forgetting only ever refuses.
 */
export interface ExecutionStore {
  readonly name: 'memory' | 'lmdb' | 'redis';
  /**
   * Keeps the pair; one that is known becomes the newest again. Resolves when it is as durable as a nonce in
   * the store beside it. Rejects on I/O faults, on a full disk and after `close`.
   *
   * @param nowMs Unix milliseconds
   */
  remember(pair: ExecutionPair, nowMs: number): Promise<void>;
  /**
   * Whether exactly this pair was remembered for this tenant and is still kept, whichever process remembered
   * it. False after `close`. Throws on I/O faults. A store behind a network answers later, and rejects when it
   * cannot know.
   *
   * @param nowMs Unix milliseconds
   */
  has(pair: ExecutionPair, nowMs: number): boolean | Promise<boolean>;
  /** Waits for what is being kept. Calling it twice does no harm. */
  close(): Promise<void>;
}

/** How much a store keeps, and for how long. Every number is a whole one. */
export interface ExecutionBounds {
  /** Pairs that are kept for one tenant. */
  readonly maxPerTenant: number;
  /** Pairs that are kept in all; at least `maxPerTenant`. */
  readonly maxInAll: number;
  /** How long after it was last submitted a pair is known. */
  readonly retentionSeconds: number;
}

const MAX_PAIRS = 100_000_000;
/** Ten years. */
const MAX_RETENTION_SECONDS = 315_360_000;

/** Throws `StorageError` on a number outside its bounds; called before anything is opened. */
export function checkExecutionBounds({ maxPerTenant, maxInAll, retentionSeconds }: ExecutionBounds): void {
  const owner = 'execution store';
  checkBounded(owner, 'maxPerTenant', maxPerTenant, [1, MAX_PAIRS]);
  checkBounded(owner, 'maxInAll', maxInAll, [maxPerTenant, MAX_PAIRS]);
  checkBounded(owner, 'retentionSeconds', retentionSeconds, [1, MAX_RETENTION_SECONDS]);
}

/** Whether a pair that was last submitted at `atMs` is still known. */
export function isRetained(
  atMs: number,
  nowMs: number,
  { retentionSeconds }: Pick<ExecutionBounds, 'retentionSeconds'>,
): boolean {
  return nowMs < atMs + retentionSeconds * 1000;
}

/** Length of the keys of tenants and pairs. Half a SHA-256: nobody finds a second pair with the key of a first one. */
export const KEY_BYTES = 16;

/** The key of a tenant: no text of a client becomes a key of a store. */
export function tenantKey(tenant: string): Buffer {
  return hash(['tenant', tenant]);
}

/** The key of a pair; another tenant's same execution has another one. */
export function pairKey({ tenant, execution, attestation }: ExecutionPair): Buffer {
  return hash(['pair', tenant, execution, attestation]);
}

/** Every part with its length before it: no two lists of parts are the same bytes. */
function hash(parts: readonly string[]): Buffer {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(`${Buffer.byteLength(part)}:`).update(part);
  return digest.digest().subarray(0, KEY_BYTES);
}
