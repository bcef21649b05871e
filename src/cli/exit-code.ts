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
