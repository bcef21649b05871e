/** `countersign audit vkey`: the verifier key of the log of a configuration, which is all that an auditor needs besides the log. */
import { join } from 'node:path';
import { readBoundedText } from '../config/files/read-file.js';
import type { AuditLogSettings } from '../config/settings.js';
import { encodeBase64 } from '../crypto/bytes.js';
import { LOG_INSTANCE } from '../protocol/syntax.js';
import { parseCheckpoint } from '../tlog/checkpoint.js';
import { parseNote, verifierKeyText } from '../tlog/note.js';
import { TlogError } from '../tlog/tlog-error.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples } from './command.js';
import { addConfigurationFile, configurationAction, loadReporting } from './configuration.js';
import { jsonText } from './text.js';

/** Far more than a checkpoint with all the cosignatures that it may have. */
const MAX_CHECKPOINT_BYTES = 1_048_576;

async function vkey(world: CliWorld, file: string, options: { readonly json?: true }): Promise<ExitCode> {
  const loaded = await loadReporting(world, file, options);
  if (!loaded.ok) return ExitCode.refused;
  const { log } = loaded.configuration.settings.audit;
  if (log === undefined)
    throw new CliFault(`${file} has no audit.log`, 'add one: docs/configuration.md says how');
  const origin = originOf(log);
  const text = verifierKeyText(origin, log.publicKey);
  const facts = { origin, public_key: encodeBase64(log.publicKey), verifier_key: text };
  world.out(options.json ? jsonText(facts) : `${text}\n`);
  return ExitCode.good;
}

/** As the log itself says where it has made its own part of the name. */
function originOf({ origin, directory }: AuditLogSettings): string {
  if (!origin.includes(LOG_INSTANCE)) return origin;
  const path = join(directory, 'checkpoint');
  const read = readBoundedText(path, MAX_CHECKPOINT_BYTES);
  if (!read.ok)
    throw new CliFault(
      `${path} ${read.message}, and ${LOG_INSTANCE} in audit.log.origin is made with the log`,
      'start the verifier once',
    );
  try {
    return parseCheckpoint(parseNote(read.text).text).origin;
  } catch (error) {
    if (!(error instanceof TlogError)) throw error;
    throw new CliFault(`${path}: ${error.message}`, 'look at the log with countersign audit verify');
  }
}

/** Adds the command. */
export const registerAuditVkey: Register = (group, session) => {
  const command = group
    .command('vkey')
    .description('print the verifier key of the audit log of a configuration: name+hash+key');
  addConfigurationFile(command)
    .option('--json', 'print JSON')
    .addHelpText('after', examples('countersign audit vkey --config countersign.yaml > audit-log.vkey'))
    .action(configurationAction(session, vkey));
};
