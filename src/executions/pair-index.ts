/**
 * Pairs in an LMDB database, each under three keys: its own, to look it up; its tenant's with the time, and the
 * time's, to find the oldest of one tenant and of all. The numbers of pairs are kept beside them.
 * Everything that writes has to be called inside a write transaction.
 */
import type { LmdbDatabase, Table } from '../storage/lmdb/database.js';
import {
  isRetained,
  KEY_BYTES,
  pairKey,
  tenantKey,
  type ExecutionBounds,
  type ExecutionPair,
} from './execution-store.js';

/** A pair as it is kept. Keys are `KEY_BYTES` long. */
interface Entry {
  readonly tenant: Buffer;
  readonly pair: Buffer;
  /** Unix milliseconds. */
  readonly atMs: number;
}

/** The tables that the database has to be opened with. */
export const TABLES = ['times', 'by-tenant', 'by-time', 'counts'] as const;
export type PairDatabase = LmdbDatabase<(typeof TABLES)[number]>;
/** Deletions for one pair that comes: more than one, so that a backlog ends, and few, so that nobody waits. */
const DELETIONS_AT_ONCE = 4;

const TIME_BYTES = 8;
const COUNT_BYTES = 4;
const NOTHING = Buffer.alloc(0);
const ALL = Buffer.from('all');

export class PairIndex {
  readonly #bounds: ExecutionBounds;
  readonly #times: Table;
  readonly #byTenant: Table;
  readonly #byTime: Table;
  readonly #counts: Table;

  constructor({ tables }: Pick<PairDatabase, 'tables'>, bounds: ExecutionBounds) {
    this.#bounds = bounds;
    this.#times = tables.times;
    this.#byTenant = tables['by-tenant'];
    this.#byTime = tables['by-time'];
    this.#counts = tables.counts;
  }

  /** Whether the pair is there and has not expired. Sees what was committed when this turn of the loop began. */
  holds(pair: ExecutionPair, nowMs: number): boolean {
    const time = this.#times.get(pairKey(pair));
    return time !== undefined && isRetained(readTime(time), nowMs, this.#bounds);
  }

  /** Keeps the pair as the newest of its tenant; forgets what is too old or too much. */
  keep(submitted: ExecutionPair, nowMs: number): void {
    const tenant = tenantKey(submitted.tenant);
    const pair = pairKey(submitted);
    const before = this.#times.get(pair);
    if (before !== undefined) this.#remove({ tenant, pair, atMs: readTime(before) });
    this.#forgetExpired(nowMs);
    if (this.#count(tenant) >= this.#bounds.maxPerTenant) this.#forgetOldestOf(tenant);
    if (this.#count(ALL) >= this.#bounds.maxInAll) this.#forgetOldest();
    this.#add({ tenant, pair, atMs: nowMs });
  }

  #forgetExpired(nowMs: number): void {
    for (let deletions = 0; deletions < DELETIONS_AT_ONCE; deletions += 1) {
      const [oldest] = this.#oldest(1);
      if (oldest === undefined || isRetained(oldest.atMs, nowMs, this.#bounds)) return;
      this.#remove(oldest);
    }
  }

  /** More than one where the bound was lowered since. */
  #forgetOldestOf(tenant: Buffer): void {
    const surplus = this.#count(tenant) - this.#bounds.maxPerTenant + 1;
    const range = { start: tenant, limit: Math.min(surplus, DELETIONS_AT_ONCE), snapshot: false };
    for (const key of Array.from(this.#byTenant.getKeys(range), copy)) this.#remove(entryByTenant(key));
  }

  #forgetOldest(): void {
    const surplus = this.#count(ALL) - this.#bounds.maxInAll + 1;
    for (const entry of this.#oldest(Math.min(surplus, DELETIONS_AT_ONCE))) this.#remove(entry);
  }

  #oldest(limit: number): Entry[] {
    return Array.from(this.#byTime.getKeys({ limit, snapshot: false }), (key) => entryByTime(copy(key)));
  }

  #add({ tenant, pair, atMs }: Entry): void {
    const time = writeTime(atMs);
    this.#times.putSync(pair, time);
    this.#byTenant.putSync(Buffer.concat([tenant, time, pair]), NOTHING);
    this.#byTime.putSync(Buffer.concat([time, tenant, pair]), NOTHING);
    this.#recount(tenant, 1);
  }

  #remove({ tenant, pair, atMs }: Entry): void {
    const time = writeTime(atMs);
    this.#times.removeSync(pair);
    this.#byTenant.removeSync(Buffer.concat([tenant, time, pair]));
    this.#byTime.removeSync(Buffer.concat([time, tenant, pair]));
    this.#recount(tenant, -1);
  }

  #count(owner: Buffer): number {
    return this.#counts.get(owner)?.readUInt32BE() ?? 0;
  }

  #recount(tenant: Buffer, by: 1 | -1): void {
    for (const owner of [tenant, ALL]) {
      const count = this.#count(owner) + by;
      const bytes = Buffer.alloc(COUNT_BYTES);
      bytes.writeUInt32BE(count);
      if (count > 0) this.#counts.putSync(owner, bytes);
      else this.#counts.removeSync(owner);
    }
  }
}

/** Big-endian, so that the database keeps the keys in the order of time. */
function writeTime(atMs: number): Buffer {
  const bytes = Buffer.alloc(TIME_BYTES);
  bytes.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(atMs))));
  return bytes;
}

function readTime(bytes: Buffer): number {
  return Number(bytes.readBigUInt64BE());
}

function entryByTenant(key: Buffer): Entry {
  const timeEnd = KEY_BYTES + TIME_BYTES;
  return {
    tenant: key.subarray(0, KEY_BYTES),
    atMs: readTime(key.subarray(KEY_BYTES, timeEnd)),
    pair: key.subarray(timeEnd),
  };
}

function entryByTime(key: Buffer): Entry {
  const tenantEnd = TIME_BYTES + KEY_BYTES;
  return {
    atMs: readTime(key.subarray(0, TIME_BYTES)),
    tenant: key.subarray(TIME_BYTES, tenantEnd),
    pair: key.subarray(tenantEnd),
  };
}

/** The database may use a key's memory again. */
function copy(key: Buffer): Buffer {
  return Buffer.from(key);
}
