/**
 * What a JSON body must be for a route, as data: fields, their roles in the decision, equalities.
 * `config/` compiles it from a profile or from JSON pointers; `checks/body.ts` holds a body to it.
 */
import type { Selection } from '../json/scan.js';
import type { FieldRule } from '../protocol/field-rules.js';

/** One field of the body, found by its JSON pointer (RFC 6901). */
export interface FieldContract {
  readonly pointer: string;
  readonly rule: FieldRule;
  readonly required: boolean;
}

/** What a field means to the decision. Each role names the field that plays it, by JSON pointer. */
export type BodyRole =
  'nonce' | 'timestamp' | 'operator' | 'tenant' | 'schemaVersion' | 'attestation' | 'execution' | 'signature';

/** Two fields that must hold the same value; with `ifPresent`, only when the left one is there. */
export interface FieldEquality {
  readonly left: string;
  readonly right: string;
  readonly ifPresent: boolean;
}

/** The contract of one route's body, ready to be applied. */
export interface BodyContract {
  /** In the order of `selection`'s pointers: field i is the selection's value i. */
  readonly fields: readonly FieldContract[];
  /** The pointers above and the closed objects, compiled for the scanner. */
  readonly selection: Selection;
  readonly roles: Readonly<Partial<Record<BodyRole, string>>>;
  readonly equalities: readonly FieldEquality[];
  /** Allowed values of the schema version's field; absent: any. */
  readonly schemaVersions: ReadonlySet<string> | undefined;
  /** For `signature: bundle`: the fields whose texts are joined by `|` into the signed string. */
  readonly signedFields: readonly string[];
}
