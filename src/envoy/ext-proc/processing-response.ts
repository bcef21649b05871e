/**
 * `envoy.service.ext_proc.v3.ProcessingResponse`, written field by field. What ext_proc is not told to change goes on
 * as it is, and it reads header values from `raw_value` alone (docs/envoy-behaviour.md#2, #7, #8), so a test decodes
 * each response with Envoy's full definitions.
 */
import type { HeaderPair } from '../ext-authz/check-response.js';
import { bytes, field, fieldHead, integer, text } from '../wire/writer.js';

/** Names to set, which overwrites, and to remove, which happens first (docs/envoy-behaviour.md#9). */
export interface HeaderChanges {
  readonly set: readonly HeaderPair[];
  readonly remove: readonly string[];
}

/** Becomes Envoy's response code details, so that access logs and `local_reply_config` know our refusals. */
export const REFUSAL_DETAILS = 'countersign_refused';

/** `response_headers { response {} }`: the headers go on as they are. */
export const PASS_HEADERS: Uint8Array = bytes(field(2, field(1, '')));

/** `response_body { response {} }`: the body goes on as it is. */
export const PASS_BODY: Uint8Array = bytes(field(4, field(1, '')));

/** ProcessingResponse.response_headers=2 { response=1 { header_mutation=2 } }: the body is still to come. */
export function encodeHeaders(changes: HeaderChanges): Buffer {
  return bytes(field(2, field(1, field(2, headerMutation(changes)))));
}

/** ProcessingResponse.response_body=4 { response=1 { header_mutation=2, body_mutation=3 { body=1 } } }. */
export function encodeBody(changes: HeaderChanges, body: Uint8Array): Buffer {
  const bodyHead = fieldHead(1, body.length);
  const mutation = fieldHead(3, bodyHead.length + body.length) + bodyHead;
  const common = field(2, headerMutation(changes)) + mutation;
  const inner = fieldHead(1, common.length + body.length) + common;
  return Buffer.concat([bytes(fieldHead(4, inner.length + body.length) + inner), body]);
}

/**
 * ProcessingResponse.immediate_response=7 { status=1 { code=1 }, headers=2, details=5, body=3 }: Envoy answers
 * itself and nothing of the upstream's answer is left. A status that is not set would be a 200.
 */
export function encodeImmediate(status: number, set: readonly HeaderPair[], body: Uint8Array): Buffer {
  if (!Number.isInteger(status) || status < 400 || status > 599)
    throw new RangeError(`a refusal needs an HTTP status from 400 to 599, not ${String(status)}`);
  const head =
    field(1, integer(1, status)) +
    field(2, headerMutation({ set, remove: [] })) +
    field(5, REFUSAL_DETAILS) +
    fieldHead(3, body.length);
  return Buffer.concat([bytes(fieldHead(7, head.length + body.length) + head), body]);
}

/** HeaderMutation: set_headers=1 { header=1 { key=1, raw_value=3 } }, remove_headers=2; `append` stays unset. */
function headerMutation({ set, remove }: HeaderChanges): string {
  let mutation = '';
  for (const [name, value] of set)
    mutation += field(1, field(1, field(1, text(name)) + field(3, text(value))));
  for (const name of remove) mutation += field(2, text(name));
  return mutation;
}
