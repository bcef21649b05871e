/** How a command gives up: one sentence and its remedy, never a stack trace. */
import { ExitCode } from './exit-code.js';

/** Thrown inside commands and turned into text and exit code by `runCommandLine` alone. */
export class CliFault extends Error {
  readonly exitCode: ExitCode;
  /** What to do about it; a phrase without a full stop. */
  readonly remedy: string;

  constructor(message: string, remedy: string, exitCode: ExitCode = ExitCode.cannot) {
    super(message);
    this.name = 'CliFault';
    this.remedy = remedy;
    this.exitCode = exitCode;
  }
}

/** A fault of the command line: exit code 2. */
export function usageFault(message: string, remedy: string): CliFault {
  return new CliFault(message, remedy, ExitCode.usage);
}
