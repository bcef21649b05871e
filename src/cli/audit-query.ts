/** `countersign audit query`: records by time, identity, tenant, code or id; a control character becomes its JSON escape. */
import { escapeControls } from '../json/escape-text.js';
import { eachWanted, type WantedOptions } from './audit-wanted.js';
import { type CliWorld, ExitCode, type Register, examples } from './command.js';
import { collecting } from './option-values.js';
import { addFilterOptions } from './record-filter-options.js';

async function query(world: CliWorld, place: string, options: WantedOptions): Promise<ExitCode> {
  const count = await eachWanted(world, place, options, (records) => {
    world.out(records.map(({ text }) => `${escapeControls(text)}\n`).join(''));
    return world.drained();
  });
  if (count > 0) return ExitCode.good;
  world.err(`no record of ${escapeControls(place)} has all that was asked for\n`);
  return ExitCode.refused;
}

/** Adds the command. */
export const registerAuditQuery: Register = (group, session) => {
  const command = group
    .command('query')
    .description('print the records that have all that is asked for, in the order of the log')
    .argument('<place>', 'the directory of a log, or a plain file of records');
  addFilterOptions(command, session.world)
    .option('--no-index', 'read everything, and trust no index to lead to it')
    .option('--verify', 'prove each record against the checkpoint, which a trusted key has to have signed')
    .option(
      '--vkey <file or key>',
      'with --verify: a verifier key of the log, or a file of such',
      collecting(/^[^]+$/),
    )
    .option('-c, --config <file>', 'with --verify: the configuration, which names the key')
    .addHelpText(
      'after',
      examples(
        'countersign audit query state/audit-log --tenant 6f1c0e7e-0d0c-4f6e-9a59-0f6f8a7b5c3d --since 2026-11-28 --until 2026-11-29',
        'countersign audit query state/audit-log --id 6f1c0e7e-0d0c-4f6e-9a59-0f6f8a7b5c3d',
        'countersign audit query decisions.ndjson --code pin_mismatch --since 2h',
      ),
    )
    .action(session.action(query));
};
