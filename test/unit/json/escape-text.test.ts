import { escapeControls, escapeNonAscii, quoteText } from '../../../src/json/escape-text.js';

describe('text made safe to show', () => {
  it.each([
    ['line breaks and tabs', 'a\r\n\tb', 'a\\u000d\\u000a\\u0009b'],
    ['an escape sequence and its form in C1', '\u001b[2J\u009b2J', '\\u001b[2J\\u009b2J'],
    ['DEL and NUL', '\u007f\0', '\\u007f\\u0000'],
    ['the separators of lines', '\u2028\u2029', '\\u2028\\u2029'],
    ['marks that turn text around', 'a\u202eb\u2066c\u061cd\u200fe', 'a\\u202eb\\u2066c\\u061cd\\u200fe'],
    ['other text, left as it is', 'Grüße 漢 😀 "\\', 'Grüße 漢 😀 "\\'],
  ])('%s', (_, text, shown) => {
    expect(escapeControls(text)).toBe(shown);
  });

  it('is quoted and cut', () => {
    expect(quoteText('a"\u009b')).toBe('"a\\"\\u009b"');
    expect(quoteText('x'.repeat(81))).toBe(`"${'x'.repeat(80)}…"`);
    expect(quoteText('abc', 2)).toBe('"ab…"');
  });

  it('is plain ASCII, each half of a surrogate pair by itself', () => {
    expect(escapeNonAscii('é~\u007f\ud800😀\n')).toBe('\\u00e9~\\u007f\\ud800\\ud83d\\ude00\\u000a');
  });
});
