/** Where the reference upstream keeps what it was sent: an embedded database, one ordered list a tenant and kind. */
import { open, type Database, type RangeOptions, type RootDatabase } from 'lmdb';

/** What is kept; each kind has a list of its own. */
export type RecordKind = 'telemetry' | 'graphs';

/** A stored request: the verified facts beside the body that they were vouched for with. */
export interface StoredRecord {
  readonly request_id: string;
  readonly tenant_id: string;
  readonly operator_id: string;
  readonly identity: string;
  /** 64 lower-case hex digits, from the verified header. */
  readonly attestation_measurement_hash: string;
  /** Unix milliseconds. */
  readonly received_at_ms: number;
  /** The body as the producer sent it, parsed. */
  readonly body: unknown;
}

/** Tenant and position, so that one tenant's records lie together in the order of their arrival. */
type RecordKey = [tenant: string, position: number];

/** So many records of one kind are kept for one tenant; the oldest go first. Bounds what a load test leaves on disk. */
export const MAX_RECORDS_PER_TENANT = 10_000;

/** The range of one tenant's records, from the last to the first. */
function newestFirst(tenant: string): RangeOptions {
  return { start: [tenant, Infinity], end: [tenant, 0], reverse: true };
}

/**
 * Stores and lists records. Every read names its tenant, so no answer can hold a record of another one.
 * Writes are batched by the database: the promise settles when the record is committed, and no request waits for the disk.
 */
export class RecordStore {
  readonly #root: RootDatabase;
  readonly #lists: Readonly<Record<RecordKind, Database<StoredRecord, RecordKey>>>;
  readonly #nextPosition = new Map<string, number>();

  /** Opens the database in `directory`, creating it when it is not there. Throws when the directory cannot be written. */
  constructor(directory: string) {
    this.#root = open({ path: directory, maxDbs: 4, noSubdir: false });
    this.#lists = {
      telemetry: this.#root.openDB<StoredRecord, RecordKey>({ name: 'telemetry' }),
      graphs: this.#root.openDB<StoredRecord, RecordKey>({ name: 'graphs' }),
    };
  }

  /** Adds a record to the end of its tenant's list. */
  async append(kind: RecordKind, record: StoredRecord): Promise<void> {
    const position = this.#claimPosition(kind, record.tenant_id);
    const list = this.#lists[kind];
    const written = list.put([record.tenant_id, position], record);
    if (position > MAX_RECORDS_PER_TENANT)
      void list.remove([record.tenant_id, position - MAX_RECORDS_PER_TENANT]);
    await written;
  }

  /** The tenant's last `limit` records, oldest first. */
  last(kind: RecordKind, tenant: string, limit: number): StoredRecord[] {
    const records = [...this.#lists[kind].getRange({ ...newestFirst(tenant), limit })].map(
      ({ value }) => value,
    );
    return records.reverse();
  }

  /** Every tenant that has records of this kind, in byte order. */
  tenants(kind: RecordKind): string[] {
    const found: string[] = [];
    for (;;) {
      const after = found.at(-1);
      const range: RangeOptions = after === undefined ? { limit: 1 } : { start: [after, Infinity], limit: 1 };
      const [next] = [...this.#lists[kind].getKeys(range)];
      if (next === undefined) return found;
      found.push(next[0]);
    }
  }

  /** Waits for what is being written and closes the files. */
  async close(): Promise<void> {
    await this.#root.close();
  }

  #claimPosition(kind: RecordKind, tenant: string): number {
    const list = `${kind} ${tenant}`;
    const position = this.#nextPosition.get(list) ?? this.#lastPosition(kind, tenant) + 1;
    this.#nextPosition.set(list, position + 1);
    return position;
  }

  #lastPosition(kind: RecordKind, tenant: string): number {
    const [last] = [...this.#lists[kind].getKeys({ ...newestFirst(tenant), limit: 1 })];
    return last?.[1] ?? 0;
  }
}
