/** The command line as a whole: its commands, its help, and the way from a fault to text and exit code. */
import { Command, CommanderError } from 'commander';
import { registerCheckConfig } from './check-config.js';
import { CliFault } from './cli-fault.js';
import { registerDrain } from './drain.js';
import { registerEnvoyConfig } from './envoy-config.js';
import { EXIT_CODE_HELP, ExitCode } from './exit-code.js';
import { registerFeedback } from './feedback.js';
import { registerFingerprint } from './fingerprint.js';
import { registerHealth } from './health.js';
import { registerImportEnv } from './import-env.js';
import { registerKeygen } from './keygen.js';
import { registerKeyring } from './keyring.js';
import { registerPolicy } from './policy.js';
import { registerSend } from './send.js';
import { registerServe } from './serve.js';
import { Session, type CliWorld } from './session.js';
import { registerSign } from './sign.js';
import { printable } from './text.js';
import { packageVersion } from '../observability/package-version.js';

const COMMANDS = [
  registerServe,
  registerHealth,
  registerDrain,
  registerCheckConfig,
  registerKeygen,
  registerFingerprint,
  registerSign,
  registerSend,
  registerImportEnv,
  registerEnvoyConfig,
  registerKeyring,
  registerFeedback,
  registerPolicy,
];

/** The program with every command; nothing runs yet. */
export function buildProgram(session: Session): Command {
  const { world } = session;
  const program = new Command('countersign')
    .description('A verifier for Envoy: pinned party, exact bytes, now, once.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => world.out(text),
      writeErr: (text) => world.err(text),
      outputError: (text, write) => write(text.replace(/^error: /, 'countersign: ')),
    })
    .addHelpText('after', `\nExample:\n  countersign check-config countersign.yaml\n\n${EXIT_CODE_HELP}`);
  for (const register of COMMANDS) register(program, session);
  return program;
}

/**
 * Runs one command line.
 * @param args without the names of node and of the script.
 * @returns the exit code; rejects only for a defect of ours.
 */
export async function runCommandLine(args: readonly string[], world: CliWorld): Promise<ExitCode> {
  const session = new Session(world);
  try {
    await buildProgram(session).parseAsync(args, { from: 'user' });
    return session.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.good : ExitCode.usage;
    if (!(error instanceof CliFault)) throw error;
    world.err(`countersign: ${printable(error.message)}\n  remedy: ${printable(error.remedy)}\n`);
    return error.exitCode;
  }
}
