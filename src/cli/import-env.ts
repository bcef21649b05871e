/** `countersign import-env`: from the existing gateway's environment file to a configuration. */
import type { ImportNote } from '../migrate/import-env.js';
import { escapeControls } from '../json/escape-text.js';
import { type CliWorld, ExitCode, type Register, examples } from './command.js';
import { readArgumentText, readOrFault, writeResult } from './files.js';

const MAX_ENVIRONMENT_BYTES = 1024 * 1024;

async function importEnv(world: CliWorld, file: string, options: { out?: string }): Promise<ExitCode> {
  const { importEnvironment } = await import('../migrate/import-env.js');
  const { renderProblems } = await import('../config/document/findings.js');
  const read = readOrFault('the environment:', file, readArgumentText(file, MAX_ENVIRONMENT_BYTES));
  // With a byte-order mark where there is one: loaders do not drop it.
  const whole = new TextDecoder('utf-8', { ignoreBOM: true }).decode(read.bytes);
  const imported = importEnvironment(whole, { file });
  for (const note of imported.notes) world.err(`${escapeControls(noteText(file, note))}\n`);
  if (!imported.ok) {
    world.err(`${renderProblems(imported.problems)}\n`);
    return ExitCode.refused;
  }
  writeResult(world, options.out, imported.yaml);
  return ExitCode.good;
}

function noteText(file: string, { variable, line, message }: ImportNote): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return `note: ${variable === '' ? place : `${place} ${variable}`}: ${message}`;
}

/** Adds the command. */
export const registerImportEnv: Register = (program, session) => {
  program
    .command('import-env')
    .description("turn the existing gateway's environment file into a configuration; name what it lacks")
    .argument('<file>', 'NAME=value lines')
    .option('-o, --out <file>', 'write the configuration here instead of standard output')
    .addHelpText('after', examples('countersign import-env gateway.env --out countersign.yaml'))
    .action(session.action(importEnv));
};
