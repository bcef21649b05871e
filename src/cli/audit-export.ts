/** `countersign audit export`: records in the formats of others, one a line. */
import { ecsDocument } from '../audit/export/ecs.js';
import type { ExportedRecord, ExportSource } from '../audit/export/meaning.js';
import { ocsfEvent } from '../audit/export/ocsf.js';
import { otlpRequest } from '../audit/export/otlp.js';
import { Option } from 'commander';
import { packageVersion } from '../observability/package-version.js';
import { isDirectory, openLog, throughFaults } from './audit-places.js';
import { eachWanted, type WantedOptions } from './audit-wanted.js';
import { type CliWorld, ExitCode, type Register, examples } from './command.js';
import { addFilterOptions } from './record-filter-options.js';

type Write = (records: readonly ExportedRecord[], source: ExportSource, nowMs: number) => string;

const eachOn = (say: (record: ExportedRecord, source: ExportSource) => string): Write => {
  return (records, source) => records.map((record) => `${say(record, source)}\n`).join('');
};
const FORMATS = {
  ndjson: eachOn(({ text }) => text),
  otlp: (records, source, nowMs) => `${otlpRequest(records, source, nowMs)}\n`,
  ocsf: eachOn((record, source) => JSON.stringify(ocsfEvent(record, source))),
  ecs: eachOn((record, source) => JSON.stringify(ecsDocument(record, source))),
} satisfies Record<string, Write>;

interface ExportOptions extends WantedOptions {
  readonly format: keyof typeof FORMATS;
}

async function exportRecords(world: CliWorld, place: string, options: ExportOptions): Promise<ExitCode> {
  const origin = isDirectory(place)
    ? throughFaults(place, () => openLog(place).checkpoint.origin)
    : undefined;
  const source: ExportSource = { origin, version: packageVersion() };
  const write: Write = FORMATS[options.format];
  const count = await eachWanted(world, place, options, (records) => {
    world.out(write(records, source, world.nowMs()));
    return world.drained();
  });
  return count === 0 ? ExitCode.refused : ExitCode.good;
}

/** Adds the command. */
export const registerAuditExport: Register = (group, session) => {
  const command = group
    .command('export')
    .description('print records in the format of another program: OpenTelemetry, OCSF or ECS')
    .argument('<place>', 'the directory of a log, or a plain file of records')
    .addOption(
      new Option('--format <format>', 'the format').choices(Object.keys(FORMATS)).makeOptionMandatory(),
    );
  addFilterOptions(command, session.world)
    .option('--no-index', 'read everything, and trust no index to lead to it')
    .addHelpText(
      'after',
      examples(
        'countersign audit export state/audit-log --format otlp --since 1d',
        'countersign audit export state/audit-log --format ocsf --code pin_mismatch',
      ),
    )
    .action(session.action(exportRecords));
};
