/**
 * From a decision to `envoy.service.auth.v3.CheckResponse`. Written field by field; an unset status would be an allow
 * (docs/envoy-behaviour.md#1), so every response begins with an explicit integer and a test decodes each with Envoy's
 * full definitions.
 */
import {
  allowChanges,
  metadataOf,
  passThroughChanges,
  refusalReply,
  type HeaderPair,
  type Metadata,
} from '../check/answer.js';
import type { Concluded } from '../check/check-state.js';
import { bytes, field, integer, text } from '../wire/writer.js';

/** A client's own copy never reaches the check but would be forwarded (docs/envoy-behaviour.md#19). */
const PARTIAL_BODY_MARK = 'x-envoy-auth-partial-body';

/** The serialised CheckResponse. */
export function encodeAnswer(concluded: Concluded): Uint8Array {
  const { outcome } = concluded;
  if (outcome.kind === 'refuse') {
    const { status: httpStatus, headers, body } = refusalReply(outcome, concluded);
    return encodeRefusal(httpStatus, headers, body, metadataOf(outcome.code, concluded));
  }
  const { set, remove } =
    outcome.kind === 'allow' ? allowChanges(outcome.verified, concluded) : passThroughChanges(concluded);
  return encodeAllow(set, [PARTIAL_BODY_MARK, ...remove], metadataOf(outcome.kind, concluded));
}

/** google.rpc.Code. */
const OK = 0;
const PERMISSION_DENIED = 7;

/** An OK: the headers to overwrite, those to remove, and the metadata under Envoy's namespace. */
export function encodeAllow(
  set: readonly HeaderPair[],
  remove: readonly string[],
  metadata: Metadata,
): Buffer {
  let ok = '';
  for (const pair of set) ok += headerOption(pair);
  for (const name of remove) ok += field(5, text(name));
  return bytes(status(OK) + field(3, ok) + struct(metadata));
}

/** A refusal with its HTTP status, headers and JSON body. */
export function encodeRefusal(
  httpStatus: number,
  headers: readonly HeaderPair[],
  body: string,
  metadata: Metadata,
): Buffer {
  if (!Number.isInteger(httpStatus) || httpStatus < 400 || httpStatus > 599) {
    throw new RangeError(`a refusal needs an HTTP status from 400 to 599, not ${String(httpStatus)}`);
  }
  let denied = field(1, integer(1, httpStatus));
  for (const pair of headers) denied += headerOption(pair);
  denied += field(3, text(body));
  return bytes(status(PERMISSION_DENIED) + field(2, denied) + struct(metadata));
}

/** CheckResponse.status=1, google.rpc.Status.code=1. Zero is written too: nothing here rests on a default. */
function status(code: number): string {
  return field(1, integer(1, code));
}

/**
 * HeaderValueOption.header=1 { key=1, value=2 }; `append` stays unset, which overwrites (docs/envoy-behaviour.md#8). The names are
 * our own constants, and ASCII.
 */
function headerOption([name, value]: HeaderPair): string {
  return field(2, field(1, field(1, name) + field(2, text(value))));
}

/** CheckResponse.dynamic_metadata=4: a google.protobuf.Struct, fields=1 { key=1, value=2 { string_value=3 } }; keys as above. */
function struct(metadata: Metadata): string {
  let entries = '';
  for (const key in metadata) {
    const value = metadata[key];
    if (value !== undefined) entries += field(1, field(1, key) + field(2, field(3, text(value))));
  }
  return field(4, entries);
}
