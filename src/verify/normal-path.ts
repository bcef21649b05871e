/**
 * Whether a path can be read in one way only (docs/security-requirements.md#41). Envoy normalises before it asks, yet leaves
 * `..;`, `%3b`, `%252e` and bytes that are no UTF-8 as they are; frameworks behind it make dot segments of them.
 */

/** Why a path can be read in more than one way; for records. */
type PathFault =
  | 'a character that has to be escaped'
  | 'an escape that is no UTF-8'
  | 'a control character'
  | 'a path parameter (;)'
  | 'an escaped or wrong separator'
  | 'an empty segment'
  | 'a dot segment'
  | 'an escape within an escape';

/** Segments of plain characters, none of which begins with a dot: the usual case, at one look. */
const PLAIN = /^(?:\/[\w~!$&'()*+,:=@-][\w.~!$&'()*+,:=@-]*)+\/?$/;
/** What a request line may hold raw; a fragment is no part of a path. */
const RAW = /^[\x21\x22\x24-\x3e\x40-\x7e]*$/;
/** C0, DEL, C1 and the two separators that some readers take for a line's end. */
const CONTROL = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;
/** Also as IIS writes it. */
const ESCAPE = /%(?:[0-9a-f]{2}|u[0-9a-f]{4})/i;
/**
 * Dots and spaces alone: some file systems strip what stands at a name's end. A decoded `?` or `#` may end it; `;` and
 * `\` are only here as what compatibility forms become.
 */
const DOT_SEGMENT = /[/\\][.\s]+(?:[?#;][^/\\]*)?(?:[/\\]|$)/;

/** The first fault of a path without its query, or undefined when it is in normal form. Linear in its length. */
export function pathFault(path: string): PathFault | undefined {
  if (PLAIN.test(path)) return undefined;
  if (!RAW.test(path)) return 'a character that has to be escaped';
  const text = decodedPath(path);
  if (text === undefined) return 'an escape that is no UTF-8';
  if (CONTROL.test(text)) return 'a control character';
  if (/%2f/i.test(path) || text.includes('\\')) return 'an escaped or wrong separator';
  if (text.includes(';')) return 'a path parameter (;)';
  // Compatibility forms too: a full-width dot becomes a dot where text is normalised (Unicode, NFKC).
  const compatible = text.normalize('NFKC');
  if (ESCAPE.test(compatible)) return 'an escape within an escape';
  if (text.includes('//')) return 'an empty segment';
  return DOT_SEGMENT.test(compatible) ? 'a dot segment' : undefined;
}

/** The path with its escapes resolved once; undefined when an escape is broken or the bytes are no UTF-8. */
function decodedPath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/**
 * What lenient applications take for one and the same path: escapes, case, compatibility forms, and dots and
 * spaces at the end of a segment make no difference; a decoded `?` or `#` ends it. Never throws.
 */
export function foldedPath(path: string): string {
  // By way of upper case: ı and İ are an i to Java's equalsIgnoreCase and to Python's IGNORECASE.
  const text = (decodedPath(path) ?? path)
    .normalize('NFKC')
    .toUpperCase()
    .toLowerCase()
    .replace(/i\u0307/g, 'i');
  const end = text.search(/[?#]/);
  return (end < 0 ? text : text.slice(0, end)).split('/').map(withoutTail).join('/');
}

/** By hand, as a pattern would take quadratic time over a run of dots. */
function withoutTail(segment: string): string {
  let end = segment.length;
  while (end > 0 && /[.\s]/.test(segment.charAt(end - 1))) end--;
  return segment.slice(0, end);
}
