/** HTTP headers in a file, one `Name: value` a line: what a server wants to hear of us, such as a token. */

const MAX_HEADERS = 32;
/** RFC 9110 §5.1 and §5.5; no control character, so that no value begins another header. */
const LINE =
  /^([A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}):[ \t]*([\x21-\x7e](?:[\x20-\x7e\t]{0,8190}[\x21-\x7e])?)[ \t]*$/;
/** What says how a message is sent is said by who sends it. */
const NOT_GIVEN: ReadonlySet<string> = new Set([
  ...['host', 'content-length', 'content-type', 'content-encoding', 'transfer-encoding', 'connection'],
  ...['keep-alive', 'te', 'trailer', 'upgrade', 'expect', 'proxy-authorization'],
]);

/** The headers by their names in lower case; undefined when a line is none. Empty lines, and those that begin with `#`, are passed over. */
export function parseHeaderLines(text: string): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, name = '', value = ''] = LINE.exec(line) ?? [];
    const lower = name.toLowerCase();
    if (name === '' || NOT_GIVEN.has(lower) || headers.has(lower)) return undefined;
    headers.set(lower, value);
  }
  return headers.size <= MAX_HEADERS ? headers : undefined;
}
