/**
 * Envoy lets an answer pass when the signer's stream ends well before the answer is signed, when it only lets the
 * signer observe, and where the signer is not asked at all (docs/envoy-behaviour.md#2). So on signed routes the last
 * word is Envoy's: no success leaves without the signer's mark, which no upstream can set.
 */
import { ANSWER_MARK, HELD, SIGNED } from '../envoy/ext-proc/processing-headers.js';
import { refusalEnvelope } from '../feedback/refusal-code.js';
import { extension, note, type Section } from './yaml-text.js';

const TYPES = 'envoy.extensions.filters.http.lua.v3';
const FILTER = 'envoy.filters.http.lua';
const NAME = 'answer_guard';

/**
 * Errors keep their status and body: Envoy's own replies, the verifier's refusals and the signer's have no mark.
 * A body that is not there (HEAD, 204) stays away.
 */
const SCRIPT = `function envoy_on_response(handle)
  local headers = handle:headers()
  local mark = headers:get("${ANSWER_MARK}")
  headers:remove("${ANSWER_MARK}")
  if mark == "${SIGNED}" then return end
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
  const filter = extension(FILTER, `${TYPES}.Lua`, {
    stat_prefix: 'answer_guard',
    source_codes: { [NAME]: { inline_string: SCRIPT } },
  });
  return note('On signed routes: no success without a signature, whatever happens to the signer.', filter);
}

/** The mark of an upstream is taken off before any filter sees it. */
export const REMOVED_MARKS: readonly string[] = [ANSWER_MARK];

/** For `typed_per_filter_config` of a signed route. */
export function guardOverride(): Section {
  return { [FILTER]: { '@type': `type.googleapis.com/${TYPES}.LuaPerRoute`, name: NAME } };
}
