/** The end of every command's help. */
import { EXIT_CODE_HELP } from './exit-code.js';

/** Examples, one command a line, and the exit codes. */
export function examples(...lines: readonly string[]): string {
  return `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  ${line}\n`).join('')}\n${EXIT_CODE_HELP}`;
}
