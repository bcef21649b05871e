/**
 * A decision as `envoy.service.ext_proc.v3.ProcessingResponse`: the verified headers in the reply that is due, or an
 * immediate response. What ext_proc is not told to change goes on as it is (docs/envoy-behaviour.md#2), so a test decodes
 * each with Envoy's full definitions.
 */
import {
  allowChanges,
  metadataOf,
  passThroughChanges,
  refusalReply,
  type HeaderChanges,
  type Metadata,
} from '../../check/answer.js';
import type { Concluded } from '../../check/check-state.js';
import { PROCESSOR_NAMESPACE } from '../../wire/metadata.js';
import { bytes, field, text } from '../../wire/writer.js';
import { REQUEST_REFUSAL_DETAILS } from '../envoy-contract.js';
import { encodeImmediate, headerMutation } from '../response.js';

/** The message that waits for the decision. */
export type Due = 'request_headers' | 'request_body';

/** ProcessingResponse: request_headers=1, request_body=3. */
const REPLY_FIELDS: Readonly<Record<Due, number>> = { request_headers: 1, request_body: 3 };

/** `request_headers { response {} }`: nothing is decided yet, the body is awaited. */
export const AWAIT_BODY: Uint8Array = bytes(field(1, field(1, '')));

/** The serialised ProcessingResponse. */
export function encodeDecision(concluded: Concluded, due: Due): Uint8Array {
  const { outcome } = concluded;
  if (outcome.kind === 'refuse') {
    const { status, headers, body } = refusalReply(outcome, concluded);
    const immediate = encodeImmediate(status, headers, Buffer.from(body), REQUEST_REFUSAL_DETAILS);
    return Buffer.concat([immediate, bytes(dynamicMetadata(metadataOf(outcome.code, concluded)))]);
  }
  const changes =
    outcome.kind === 'allow' ? allowChanges(outcome.verified, concluded) : passThroughChanges(concluded);
  return encodePass(changes, due, metadataOf(outcome.kind, concluded));
}

/** The reply { response=1 { header_mutation=2 } }: the body goes on as it was judged. */
export function encodePass(changes: HeaderChanges, due: Due, metadata: Metadata): Buffer {
  const reply = field(REPLY_FIELDS[due], field(1, field(2, headerMutation(changes))));
  return bytes(reply + dynamicMetadata(metadata));
}

/**
 * ProcessingResponse.dynamic_metadata=8, a Struct of Structs: fields=1 { key=1, value=2 { struct_value=5 } }, within it
 * string_value=3. Envoy takes it where the filter names our namespace in `receiving_namespaces`.
 */
function dynamicMetadata(metadata: Metadata): string {
  let entries = '';
  for (const key in metadata) {
    const value = metadata[key];
    if (value !== undefined) entries += field(1, field(1, key) + field(2, field(3, text(value))));
  }
  return field(8, field(1, field(1, PROCESSOR_NAMESPACE) + field(2, field(5, entries))));
}
