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

export class AuditReader {
  readonly #path: string;
  #offset = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /** Passes over what is there by now. */
  skip(): void {
    this.#offset += this.#read().length;
  }

  /** The records since the last call: a plain file has decisions and answers alone. Every one is written before its answer is given, so none is still to come. */
  next(): AuditRecord[] {
    const bytes = this.#read();
    this.#offset += bytes.length;
    const lines = bytes.toString().split('\n');
    if (lines.pop() !== '') throw new Error('the last line of the audit log is torn');
    return lines.map((line) => readRecord(line) as unknown as AuditRecord);
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
