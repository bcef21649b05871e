/** What every command is made of: its world, which a test can be, its exit code, its way to give up, the end of its help. */
import type { Command } from 'commander';

/** The standard streams, the clock and chance. */
export interface CliWorld {
  /** Writes text to standard output, as it is. */
  out(text: string): void;
  /** Waits until a reader of standard output has room again; false when it has gone away, and nobody reads any more. */
  drained(): Promise<boolean>;
  /** Writes text to standard error, as it is. */
  err(text: string): void;
  /** Whether somebody looks at standard error while the command runs. */
  readonly isTerminal: boolean;
  /** All of standard input; rejects when it is longer than `maxBytes`. */
  readInput(maxBytes: number): Promise<Uint8Array>;
  /** Unix milliseconds. */
  nowMs(): number;
  /** From a cryptographic source. */
  randomBytes(byteLength: number): Uint8Array;
}

/** One run of the command line: its world, and the exit code that it will have. */
export class Session {
  readonly world: CliWorld;
  exitCode: ExitCode = ExitCode.good;

  constructor(world: CliWorld) {
    this.world = world;
  }

  /** Wraps a command, so that the code it resolves with becomes the exit code. */
  action<Arguments extends readonly unknown[]>(
    run: (world: CliWorld, ...args: Arguments) => Promise<ExitCode> | ExitCode,
  ): (...args: [...Arguments, Command]) => Promise<void> {
    return async (...args) => {
      this.exitCode = await run(this.world, ...(args.slice(0, -1) as unknown as Arguments));
    };
  }
}

/** Adds a command to the program. */
export type Register = (program: Command, session: Session) => void;

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

/** The exit codes of every command; `--help` and docs/cli.md list the same four. */
export const ExitCode = {
  good: 0,
  /** The command ran and the result is no: refused, or problems found. */
  refused: 1,
  /** The command line itself is wrong. */
  usage: 2,
  /** A file, the network or the system stands in the way. */
  cannot: 3,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Printed below every `--help`. */
export const EXIT_CODE_HELP = `Exit codes: 0 good, 1 refused or problems found, 2 wrong usage, 3 cannot do it (file, network, system).`;

/** Examples, one command a line, and the exit codes. */
export function examples(...lines: readonly string[]): string {
  return `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  ${line}\n`).join('')}\n${EXIT_CODE_HELP}`;
}
