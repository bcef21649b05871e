/** The textual encoding of RFC 7468, taken strictly. Runs anywhere: no Node built-in and no Buffer. */
import { decodeBase64, encodeBase64 } from './bytes.js';

/** One decoded block. `bytes` is `undefined` when the frame is right and its base64 is not. */
interface PemBlock {
  readonly label: string;
  readonly bytes: Uint8Array | undefined;
}

const BEGIN_LINE = /^-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,39})-----$/;

/** A line without its line end and trailing blanks, in linear time. */
function trimLineEnd(line: string): string {
  let end = line.length;
  while (end > 0 && ' \t\r'.includes(line.charAt(end - 1))) end--;
  return line.slice(0, end);
}

/**
 * Reads the one block of a text. Explanatory lines before it are skipped, as RFC 7468 §5.2 allows and as openssl
 * writes them; a second block, or anything after the block, is refused: which one was meant is not ours to guess.
 * @returns `undefined` when the text is not exactly one block.
 */
export function decodePem(text: string): PemBlock | undefined {
  const lines = text.split('\n').map(trimLineEnd);
  const begin = lines.findIndex((line) => line.startsWith('-----'));
  const label = BEGIN_LINE.exec(lines[begin] ?? '')?.[1];
  if (label === undefined) return undefined;
  const end = lines.indexOf(`-----END ${label}-----`, begin);
  if (end === -1 || lines.slice(end + 1).some((line) => line !== '')) return undefined;
  return { label, bytes: decodeBase64(lines.slice(begin + 1, end).join('')) };
}

/** One block of several. */
interface PemPart {
  readonly label: string;
  /** The block alone, with `\n` for its line ends. */
  readonly text: string;
  /** 1-based line of its BEGIN. */
  readonly line: number;
}

/** What makes a text no row of blocks: `line` is 1-based. */
export type PemFault =
  /** A BEGIN that does not begin its line, or does not end it: OpenSSL and BoringSSL pass over the whole block. */
  | { readonly code: 'hidden'; readonly line: number }
  /** No END of its own label before the next dashes, or before the end. */
  | { readonly code: 'unfinished'; readonly line: number };

/**
 * Takes a bundle apart the way BoringSSL does, in linear time: lines between the blocks are remarks. What it would
 * pass over without a word is a fault here.
 */
export function splitPem(text: string): readonly PemPart[] | PemFault {
  const lines = text.split('\n').map(trimLineEnd);
  const parts: PemPart[] = [];
  for (let at = 0; at < lines.length; at++) {
    const label = BEGIN_LINE.exec(lines[at] ?? '')?.[1];
    if (label === undefined) {
      if (lines[at]?.includes('-----BEGIN ') === true) return { code: 'hidden', line: at + 1 };
      continue;
    }
    const begin = at++;
    while (at < lines.length && lines[at]?.includes('-----') === false) at++;
    if (lines[at] !== `-----END ${label}-----`) return { code: 'unfinished', line: begin + 1 };
    parts.push({ label, text: `${lines.slice(begin, at + 1).join('\n')}\n`, line: begin + 1 });
  }
  return parts;
}

const LINE_CHARS = 64;

/** Writes one block with a final newline. */
export function encodePem(label: string, bytes: Uint8Array): string {
  const body = encodeBase64(bytes);
  const lines: string[] = [];
  for (let i = 0; i < body.length; i += LINE_CHARS) lines.push(body.slice(i, i + LINE_CHARS));
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
