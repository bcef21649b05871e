/** The command line as a whole: its commands, its help, and the way from a fault to text and exit code. */
import { Command, CommanderError } from 'commander';
import { registerAudit } from './audit.js';
import { registerCheckConfig } from './check-config.js';
import { CliFault, type CliWorld, EXIT_CODE_HELP, ExitCode, Session, usageFault } from './command.js';
import { registerDoctor } from './doctor.js';
import { registerDrain } from './drain.js';
import { registerEnvoyConfig } from './envoy-config.js';
import { registerFeedback, registerPolicy } from './feedback.js';
import { registerFingerprint } from './fingerprint.js';
import { registerHealth } from './health.js';
import { registerImportEnv } from './import-env.js';
import { registerKeygen } from './keygen.js';
import { registerKeyring } from './keyring.js';
import { registerPki } from './pki.js';
import { registerRotateKey } from './rotate-key.js';
import { registerRotatePin } from './rotate-pin.js';
import { registerSend } from './send.js';
import { registerServe } from './serve.js';
import { registerSign } from './sign.js';
import { faultText, jsonText } from './text.js';
import { registerWhy } from './why.js';
import { packageVersion } from '../observability/package-version.js';

const COMMANDS = [
  registerServe,
  registerHealth,
  registerDrain,
  registerCheckConfig,
  registerDoctor,
  registerKeygen,
  registerPki,
  registerFingerprint,
  registerSign,
  registerSend,
  registerImportEnv,
  registerEnvoyConfig,
  registerRotateKey,
  registerRotatePin,
  registerKeyring,
  registerFeedback,
  registerPolicy,
  registerWhy,
  registerAudit,
];

/** The program with every command; nothing runs yet. `reportUsage`: told of wrong usage. */
export function buildProgram(
  session: Session,
  reportUsage: (message: string) => void = () => undefined,
): Command {
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
      outputError: (text) => reportUsage(text.replace(/^error: /, '')),
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
  let usage: string | undefined;
  const program = buildProgram(session, (message) => (usage = messageLine(message)));
  const fail = (fault: CliFault): ExitCode => {
    world.err(wantsJson(args) ? errorJson(fault) : faultText(fault));
    return fault.exitCode;
  };
  try {
    await program.parseAsync(args, { from: 'user' });
    return session.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return ExitCode.good;
      if (error.code === MISSING_OPTION) usage = unknownOption(args, world) ?? usage;
      // Without a message it was the help that was shown, as there was no command.
      return usage === undefined ? ExitCode.usage : fail(usageFault(usage, helpRemedy(program, args)));
    }
    if (error instanceof CliFault) return fail(error);
    throw error;
  }
}

function messageLine(message: string): string {
  return message.trim().replaceAll('\n', ' ');
}

/** As commander calls it. */
const MISSING_OPTION = 'commander.missingMandatoryOptionValue';

/** What commander says of an unknown option where it spoke of a missing one first: a slip in the name makes both. */
function unknownOption(args: readonly string[], world: CliWorld): string | undefined {
  let usage: string | undefined;
  const program = buildProgram(new Session(world), (message) => (usage = messageLine(message)));
  const { command } = meantCommand(program, args);
  for (const option of command.options) option.makeOptionMandatory(false);
  command.action(() => undefined);
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.unknownOption') return usage;
  }
  return undefined;
}

/** The help of the command that was meant. */
function helpRemedy(program: Command, args: readonly string[]): string {
  return `run ${meantCommand(program, args).words} --help to see what it takes`;
}

/** Down to `feedback query`. */
function meantCommand(program: Command, args: readonly string[]): { command: Command; words: string } {
  let command = program;
  let words = 'countersign';
  for (const word of args) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) break;
    command = next;
    words += ` ${word}`;
  }
  return { command, words };
}

/** Behind `--` there are no options. */
function wantsJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).includes('--json');
}

/** For scripts, on standard error as well: standard output is for results, such as the problems of a configuration. */
function errorJson({ message, remedy, exitCode }: CliFault): string {
  return jsonText({ outcome: 'failed', message, remedy, exit_code: exitCode });
}
