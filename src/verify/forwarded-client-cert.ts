/**
 * Envoy's `x-forwarded-client-cert`: elements joined by `,`, pairs joined by `;`, values optionally in
 * double quotes with `\"` inside. Envoy does not escape SANs in it, so a certificate whose URI SAN is
 * `x,Hash=…` writes an element of its own behind the true one. A hop that sets the header afresh
 * (`SANITIZE_SET`) sends exactly one element; nothing else is believed.
 */

const HASH_PAIR = /^hash=([0-9a-f]{64})$/i;

/** The `Hash` of the only element, lower case; undefined unless there is exactly one of both, well-formed. */
export function onlyElementHash(header: string): string | undefined {
  const [element, ...others] = splitOutsideQuotes(header, ',') ?? [];
  if (others.length > 0) return undefined;
  const pairs = element === undefined ? undefined : splitOutsideQuotes(element, ';');
  const hashes = pairs?.filter((pair) => /^hash=/i.test(pair.trim())) ?? [];
  const [only] = hashes;
  if (only === undefined || hashes.length > 1) return undefined;
  return HASH_PAIR.exec(only.trim())?.[1]?.toLowerCase();
}

/** Splits in one pass; undefined when a quote is left open. */
function splitOutsideQuotes(text: string, separator: string): string[] | undefined {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\\' && quoted) at++;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (quoted) return undefined;
  parts.push(text.slice(start));
  return parts;
}
