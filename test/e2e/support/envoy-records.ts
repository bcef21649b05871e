/** The records of what Envoy tells, which come after the answer: they are waited for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../support/until.js';
import { isDecision } from './audit-reader.js';
import type { Stage } from './stage.js';

/** The members that the tests look at. */
export interface EnvoyRecord {
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
  readonly #file: string;
  #seen = 0;

  constructor(stage: Stage) {
    this.#file = join(stage.federation.layout.audit, 'decisions.ndjson');
  }

  /** Passes over what is there by now. */
  skip(): void {
    this.#seen = this.#all().length;
  }

  /** The first of the records since `skip` or since the last one that was found. */
  async next(what: string, isWanted: (record: EnvoyRecord) => boolean): Promise<EnvoyRecord> {
    let found: EnvoyRecord | undefined;
    await until(what, () => {
      const records = this.#all();
      const at = records.findIndex((record, index) => index >= this.#seen && isWanted(record));
      if (at < 0) return false;
      this.#seen = at + 1;
      found = records[at];
      return true;
    });
    if (found === undefined) throw new Error(what);
    return found;
  }

  /** Of the last decision. */
  lastDecisionId(): string | undefined {
    return this.#lines().findLast((record) => isDecision(record))?.decision_id;
  }

  /** What is no decision. */
  #all(): EnvoyRecord[] {
    return this.#lines().filter((record) => !isDecision(record));
  }

  /** Whole ones. */
  #lines(): EnvoyRecord[] {
    const lines = readFileSync(this.#file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as EnvoyRecord);
  }
}
