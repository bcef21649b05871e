/** What a command needs of the outside world, so that a test can be that world. */
import type { Command } from 'commander';
import { ExitCode } from './exit-code.js';

/** The standard streams, the clock and chance. */
export interface CliWorld {
  /** Writes text to standard output, as it is. */
  out(text: string): void;
  /** Writes text to standard error, as it is. */
  err(text: string): void;
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
