/** The records of what Envoy tells, which come after the answer: they are waited for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readRecords } from '../../../src/audit/read/follow-log.js';
import { OpenedLog } from '../../../src/audit/read/opened-log.js';
import { readRecord } from '../../support/record-schema.js';
import { until } from '../../support/until.js';
import type { Stage } from './stage.js';

/** The members that the tests look at. */
export interface EnvoyRecord {
  readonly time: string;
  readonly event: string;
  readonly reason?: string;
  readonly decision_id?: string;
  readonly decision?: string;
  readonly status?: number;
  readonly flags?: string;
  readonly details?: string;
  readonly attempts?: number;
  readonly tenant?: string;
  readonly method?: string;
  readonly path?: string;
  readonly peer_address?: string;
  readonly log_name?: string;
  readonly upstream_bytes_sent?: number;
  readonly upstream_bytes_received?: number;
}

export class LogTail {
  readonly #decisions: string;
  readonly #directory: string;
  /** Everything that is sealed by now, but for decisions and answers, which have a code. */
  readonly #records: EnvoyRecord[] = [];
  #size = 0;
  #seen = 0;
  #sinceMs = 0;

  constructor(stage: Stage) {
    const { audit, auditLog } = stage.federation.layout;
    this.#decisions = join(audit, 'decisions.ndjson');
    this.#directory = auditLog;
  }

  /** Passes over what was recorded by now, sealed or not. */
  skip(): void {
    this.#sinceMs = Date.now();
  }

  /** The first of the records since `skip` or since the last one that was found. */
  async next(what: string, isWanted: (record: EnvoyRecord) => boolean): Promise<EnvoyRecord> {
    let found: EnvoyRecord | undefined;
    await until(what, () => {
      this.#read();
      const isFound = (record: EnvoyRecord, index: number): boolean =>
        index >= this.#seen && Date.parse(record.time) >= this.#sinceMs && isWanted(record);
      const at = this.#records.findIndex(isFound);
      if (at < 0) return false;
      this.#seen = at + 1;
      found = this.#records[at];
      return true;
    });
    if (found === undefined) throw new Error(what);
    return found;
  }

  /** Of the last decision, as the plain file has it before its answer leaves. */
  lastDecisionId(): string | undefined {
    const lines = readFileSync(this.#decisions, 'utf8').split('\n').slice(0, -1);
    return (JSON.parse(lines.at(-1) ?? '{}') as Partial<EnvoyRecord>).decision_id;
  }

  #read(): void {
    const log = OpenedLog.open(this.#directory);
    if (log === undefined) return;
    for (const { records = [] } of readRecords(log, this.#size, log.size))
      for (const bytes of records) {
        const record = readRecord(bytes.toString());
        if (!('code' in record)) this.#records.push(record as unknown as EnvoyRecord);
      }
    this.#size = log.size;
  }
}
