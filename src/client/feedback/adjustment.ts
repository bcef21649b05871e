/** One adjustment of a verified answer (docs/wire-contract.md#a-signed-answer): read, and held to its form. */
import { SHA256_HEX, TARGET_URN } from '../../protocol/syntax.js';
import type { Members, MemberValue } from './members.js';

/** The schema version of an adjustment. */
export const FEEDBACK_ADJUSTMENT_SCHEMA = 'feedback.adjustment.v1';

/** A well-formed adjustment. Whom it concerns, and whether it still holds, is not known yet. */
export interface Adjustment {
  readonly tenantId: string;
  /** 64 lower-case hex digits. */
  readonly executionFingerprint: string;
  /** 64 lower-case hex digits. */
  readonly attestationMeasurementHash: string;
  readonly targetUrn: string;
  /** `observe`, `tighten`, `deny` or another lower-case word. */
  readonly action: string;
  /** 0..1. */
  readonly confidence: number;
  readonly rationale: string;
  readonly control: string;
  /** 60..86,400. */
  readonly ttlSeconds: number;
  /** When it was made, Unix seconds; a fraction is possible. */
  readonly timestampSeconds: number;
  readonly schemaVersion: string;
  /** `timestamp` plus `ttl_seconds`, Unix milliseconds: from then on it holds no more, however often it is signed anew. */
  readonly endsAtMs: number;
}

/** The members of an adjustment. */
export const ADJUSTMENT_MEMBERS = [
  'tenant_id',
  'execution_fingerprint',
  'target_urn',
  'action',
  'confidence',
  'rationale',
  'control',
  'ttl_seconds',
  'timestamp',
  'schema_version',
  'attestation_measurement_hash',
] as const;

/** One of them. */
export type AdjustmentMember = (typeof ADJUSTMENT_MEMBERS)[number];

/** Which member is missing, of the wrong type or out of its bounds. */
export interface AdjustmentFault {
  readonly fault: AdjustmentMember;
}

const ACTION = /^[a-z][a-z0-9_.-]{0,63}$/;
const TTL = /^[1-9][0-9]{1,4}$/;
const MIN_TTL_SECONDS = 60;
const MAX_TTL_SECONDS = 86_400;
/** Of a `timestamp`, as of every other one of the contract: up to eleven digits. */
const MAX_TIMESTAMP_SECONDS = 99_999_999_999;

/** Holds the members of an adjustment to their form; unknown members are not looked at. */
export function readAdjustment(members: Members): Adjustment | AdjustmentFault {
  return new AdjustmentReader(members).read();
}

/** Its text, when the member is one. */
export function textOf(value: MemberValue | undefined): string | undefined {
  return value?.type === 'string' ? value.value : undefined;
}

/** Keeps the first fault, so that the reading itself is one plain list. */
class AdjustmentReader {
  readonly #members: Members;
  #fault: AdjustmentMember | undefined;

  constructor(members: Members) {
    this.#members = members;
  }

  read(): Adjustment | AdjustmentFault {
    const timestampSeconds = this.#number('timestamp', MAX_TIMESTAMP_SECONDS);
    const ttlSeconds = this.#ttl('ttl_seconds');
    const adjustment: Adjustment = {
      tenantId: this.#text('tenant_id'),
      executionFingerprint: this.#text('execution_fingerprint', SHA256_HEX).toLowerCase(),
      attestationMeasurementHash: this.#text('attestation_measurement_hash', SHA256_HEX).toLowerCase(),
      targetUrn: this.#text('target_urn', TARGET_URN),
      action: this.#text('action', ACTION),
      confidence: this.#number('confidence', 1),
      rationale: this.#text('rationale'),
      control: this.#text('control'),
      ttlSeconds,
      timestampSeconds,
      schemaVersion: this.#text('schema_version'),
      endsAtMs: Math.floor((timestampSeconds + ttlSeconds) * 1000),
    };
    return this.#fault === undefined ? Object.freeze(adjustment) : { fault: this.#fault };
  }

  #text(name: AdjustmentMember, syntax?: RegExp): string {
    const text = textOf(this.#members.get(name));
    return text !== undefined && syntax?.test(text) !== false ? text : this.#fail(name, '');
  }

  /** From 0 on; adding 0 makes `-0.0` a plain 0. */
  #number(name: AdjustmentMember, max: number): number {
    const value = this.#members.get(name);
    if (value?.type !== 'integer' && value?.type !== 'float') return this.#fail(name, 0);
    const number = Number(value.lexeme) + 0;
    return number >= 0 && number <= max ? number : this.#fail(name, 0);
  }

  #ttl(name: AdjustmentMember): number {
    const value = this.#members.get(name);
    if (value?.type !== 'integer' || !TTL.test(value.lexeme)) return this.#fail(name, 0);
    const seconds = Number(value.lexeme);
    return seconds >= MIN_TTL_SECONDS && seconds <= MAX_TTL_SECONDS ? seconds : this.#fail(name, 0);
  }

  #fail<Value>(name: AdjustmentMember, instead: Value): Value {
    this.#fault ??= name;
    return instead;
  }
}
