/**
 * Records of how the audit log itself fared: its sequencer, mirror, witnesses and collector, where one of them is at fault or
 * serves again. The operational log has these from the sequencer; this is what stands in the audit log.
 */
import { namedHolders, type HolderKind } from '../observability/audit-holders-view.js';
import type { AuditLogLook } from '../observability/audit-log-view.js';
import type { LifeRecords } from './life-records.js';

/** As `store` of a record has them. */
const STORES: Readonly<Record<HolderKind, string>> = {
  mirror: 'audit_mirror',
  witness: 'audit_witness',
  collector: 'audit_collector',
};

/** One that is at fault. */
interface Fault {
  readonly store: string;
  readonly name: string | undefined;
  readonly fault: string;
  readonly isConflict: boolean;
}

export class AuditLogReport {
  readonly #status: AuditLogLook['status'];
  readonly #life: Pick<LifeRecords, 'storeFault' | 'storeRecovered'>;
  /** At the last look. */
  #former: ReadonlyMap<string, Fault> = new Map();

  constructor(
    { status }: Pick<AuditLogLook, 'status'>,
    life: Pick<LifeRecords, 'storeFault' | 'storeRecovered'>,
  ) {
    this.#status = status;
    this.#life = life;
  }

  /** Looks once. Called by a timer; a fault is told when it comes, when it turns into a contradiction, and when it has gone. */
  look(): void {
    const { fault, companions } = this.#status();
    const now = new Map<string, Fault>();
    if (fault !== undefined)
      now.set('audit_log', { store: 'audit_log', name: undefined, fault, isConflict: false });
    for (const holder of namedHolders(companions)) {
      const store = STORES[holder.kind];
      const { name, fault: ofHolder, isConflict } = holder;
      if (ofHolder !== undefined) now.set(`${store} ${name}`, { store, name, fault: ofHolder, isConflict });
    }
    this.#tellOf(now);
    this.#former = now;
  }

  #tellOf(now: ReadonlyMap<string, Fault>): void {
    for (const [key, { store, name, fault, isConflict }] of now) {
      const conflict = isConflict ? true : undefined;
      if (this.#former.get(key)?.isConflict !== isConflict)
        this.#life.storeFault(store, fault, { name, conflict });
    }
    for (const [key, { store, name }] of this.#former)
      if (!now.has(key)) this.#life.storeRecovered(store, { name });
  }
}
