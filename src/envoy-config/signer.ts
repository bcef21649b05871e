/** The way back: which answers pass the signer, how Envoy waits for it (docs/feedback.md), and the guard behind it. */
import {
  ANSWER_MARK,
  HELD,
  heldAnswerBytes,
  LATER_MILLISECONDS,
  SIGNED,
  UNSIGNED,
} from '../envoy/ext-proc/envoy-contract.js';
import { refusalEnvelope } from '../feedback/refusal-code.js';
import { SIGNER_CLUSTER, verifierService } from './clusters.js';
import { isSigned, type BootstrapOptions } from './options.js';
import { duration, extension, note, type Section } from './yaml-text.js';

export const TYPES = 'envoy.extensions.filters.http.ext_proc.v3';
export const FILTER = 'envoy.filters.http.ext_proc';

/** What is between the verifier and the router; nothing where nothing is signed. Both are off but for signed routes. */
export function signerFilters(options: BootstrapOptions): unknown[] {
  if (!options.routes.some(isSigned)) return [];
  const filter = extension(FILTER, `${TYPES}.ExternalProcessor`, {
    stat_prefix: 'signer',
    grpc_service: verifierService(options, SIGNER_CLUSTER, options.upstreamTimeoutMilliseconds),
    failure_mode_allow: note('no signature, no answer', false),
    ...CAREFUL,
    message_timeout: messageTimeout(options),
    processing_mode: processingMode(NOTHING, NOTHING),
    metadata_options: {
      forwarding_namespaces: note("the verifier's word on the request", {
        untyped: ['envoy.filters.http.ext_authz'],
      }),
    },
    response_attributes: ANSWER_ATTRIBUTES,
  });
  return [guardFilter(), filter];
}

/** How long Envoy waits for the reply to each message, on either front. */
export function messageTimeout({ checkTimeoutMilliseconds }: BootstrapOptions): ReturnType<typeof duration> {
  return duration(checkTimeoutMilliseconds + LATER_MILLISECONDS);
}

/** What ext_proc may never do, whatever it is asked for. */
export const CAREFUL: Section = {
  status_on_error: { code: 'ServiceUnavailable' },
  allow_mode_override: false,
  mutation_rules: note('a change that Envoy will not make is an error', { disallow_is_error: true }),
};

export const ANSWER_ATTRIBUTES = note("tells Envoy's own replies from the upstream's answers", [
  'response.code_details',
  'request.id',
]);

/** What a signed route has besides the others. */
export function signedRoute(options: BootstrapOptions): Section {
  return {
    response_headers_to_remove: REMOVED_MARKS,
    request_headers_to_remove: note('a compressed answer cannot be signed', ['accept-encoding']),
    request_body_buffer_limit: note(
      'the answer is held until it is signed; ext_authz would limit it to what a request may have',
      heldAnswerBytes(options),
    ),
  };
}

/** For `typed_per_filter_config` of a signed route. */
export function signerOverride({ front }: BootstrapOptions): Section {
  return {
    ...guardOverride(),
    [FILTER]: {
      '@type': `type.googleapis.com/${TYPES}.ExtProcPerRoute`,
      overrides: { processing_mode: processingMode(front === 'ext_proc' ? WHOLE : NOTHING, WHOLE) },
    },
  };
}

/** What of a request or of an answer is brought to the verifier: its headers, and how its body. */
interface Brought {
  readonly headers: 'SEND' | 'SKIP';
  readonly body: 'BUFFERED' | 'NONE';
}

export const WHOLE: Brought = { headers: 'SEND', body: 'BUFFERED' };
export const NOTHING: Brought = { headers: 'SKIP', body: 'NONE' };

export function processingMode(request: Brought, response: Brought): Section {
  return {
    request_header_mode: request.headers,
    response_header_mode: response.headers,
    request_body_mode: request.body,
    response_body_mode: response.body,
    request_trailer_mode: 'SKIP',
    response_trailer_mode: 'SKIP',
  };
}

const LUA_TYPES = 'envoy.extensions.filters.http.lua.v3';
const LUA = 'envoy.filters.http.lua';
const GUARD = 'answer_guard';

/**
 * Envoy lets an answer pass when the signer's stream ends well before the answer is signed, when it only lets the
 * signer observe, and where the signer is not asked at all (docs/envoy-behaviour.md#2). So on signed routes the last
 * word is Envoy's: no success leaves without the signer's mark, which no upstream can set.
 *
 * An answer that the signer lets go unsigned, which report-only alone has it do, has a mark as well. Errors keep their status and body: Envoy's own replies, the verifier's refusals and the signer's have no mark.
 * A body that is not there (HEAD, 204) stays away.
 */
const SCRIPT = `function envoy_on_response(handle)
  local headers = handle:headers()
  local mark = headers:get("${ANSWER_MARK}")
  headers:remove("${ANSWER_MARK}")
  if mark == "${SIGNED}" or mark == "${UNSIGNED}" then return end
  if mark ~= "${HELD}" and tonumber(headers:get(":status")) >= 400 then return end
  headers:replace(":status", "502")
  headers:replace("content-type", "application/json")
  headers:replace("cache-control", "no-store")
  local body = handle:body()
  if body then body:setBytes([==[${refusalEnvelope('', 'answer_missing').toString()}]==]) end
end
`;

/** Before the signer in the list, and so behind it on the way back. */
export function guardFilter(): unknown {
  const filter = extension(LUA, `${LUA_TYPES}.Lua`, {
    stat_prefix: GUARD,
    source_codes: { [GUARD]: { inline_string: SCRIPT } },
  });
  return note('On signed routes: no success without a signature, whatever happens to the signer.', filter);
}

/** The mark of an upstream is taken off before any filter sees it. */
const REMOVED_MARKS: readonly string[] = [ANSWER_MARK];

/** For `typed_per_filter_config` of a signed route. */
function guardOverride(): Section {
  return { [LUA]: { '@type': `type.googleapis.com/${LUA_TYPES}.LuaPerRoute`, name: GUARD } };
}
