/**
 * The member names of a JSON pointer, unescaped, or undefined when the text is not one: it must be empty or begin
 * with a slash, and a tilde must be followed by 0 or 1. Source: RFC 6901, sections 3 and 4.
 */
export function parsePointer(text: string): readonly string[] | undefined {
  if (text === '') return [];
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}
