/** A record as one line of text, whoever wrote it. */
import { escapeControls } from '../../json/escape-text.js';

/**
 * Records of ours are JSON without control characters. In others each becomes JSON's escape, which says the same to a parser, and
 * can neither end the line nor act on a terminal.
 */
export function recordLine(record: Buffer): string {
  return escapeControls(record.toString('utf8'));
}
