/** Reads the verifier's decision log as it grows. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { readRecord } from '../../support/record-schema.js';

/** The members that the tests look at. */
export interface AuditRecord {
  readonly event: string;
  readonly decision_id: string;
  readonly code: string;
  readonly status: number;
  readonly detail?: string;
  readonly method?: string;
  readonly path?: string;
  readonly skew_seconds?: number;
  readonly claimed_kid?: string;
  readonly limit?: string;
  readonly limit_value?: number;
  readonly problem?: string;
  readonly pointer?: string;
  readonly offset?: number;
  readonly identity?: string;
  readonly claimed_identity?: string;
  readonly kid?: string;
  readonly cert_sha256?: string;
  readonly tenant?: string;
  readonly operator?: string;
  readonly policy?: string;
  readonly attestation?: string;
  readonly execution?: string;
  readonly nonce_hash?: string;
  readonly first_decision_id?: string;
  readonly first_status?: number;
  readonly adjustments?: number;
  readonly body_sha256?: string;
  readonly upstream_sha256?: string;
  readonly generation?: number;
}

const DECISION = /"decision_id":"([^"]+)"/g;

export class AuditReader {
  readonly #path: string;
  /** Decisions of which something was passed over. */
  readonly #past = new Set<string>();
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Passes over what is there by now, and over whatever is still to come of the same decisions: that an answer broke off is written when its client has long been told. */
  skip(): void {
    const bytes = this.#read();
    this.#offset += bytes.length;
    for (const [, decision] of bytes.toString('latin1').matchAll(DECISION))
      if (decision !== undefined) this.#past.add(decision);
  }

  /** The records since the last call: a plain file has decisions and answers alone. Every one is written before its answer is given, so of these decisions none is still to come. */
  next(): AuditRecord[] {
    const bytes = this.#read();
    this.#offset += bytes.length;
    const lines = bytes.toString().split('\n');
    if (lines.pop() !== '') throw new Error('the last line of the audit log is torn');
    const records = lines.map((line) => readRecord(line) as unknown as AuditRecord);
    const present = records.filter(({ decision_id: decision }) => !this.#past.has(decision));
    for (const { decision_id: decision } of records) this.#past.add(decision);
    return present;
  }

  #read(): Buffer {
    const file = openSync(this.#path, 'r');
    try {
      const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - this.#offset));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, this.#offset));
    } finally {
      closeSync(file);
    }
  }
}
