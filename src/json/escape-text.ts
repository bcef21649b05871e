/**
 * Foreign text made safe to show or to embed: each character that could act on its reader becomes JSON's escape,
 * `\u001b`. The one place that says which characters these are.
 */

/** C0 (line breaks among them), DEL and C1; the line separators; and the marks that turn text around (Unicode's Bidi_Control). */
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const NOT_PRINTABLE_ASCII = /[^\x20-\x7e]/g;

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Text for a terminal or a line of a log: it can neither move the cursor, nor begin a line, nor turn text around. */
export function escapeControls(text: string): string {
  return text.replace(CONTROL, escapeUnit);
}

/** The same, in double quotes and cut at a number of characters. */
export function quoteText(text: string, maxCharacters = 80): string {
  const shown = text.length > maxCharacters ? `${text.slice(0, maxCharacters)}…` : text;
  return escapeControls(JSON.stringify(shown));
}

/** Text in printable ASCII alone; half of a surrogate pair is escaped like any other character. */
export function escapeNonAscii(text: string): string {
  return text.replace(NOT_PRINTABLE_ASCII, escapeUnit);
}
