/** `countersign audit prove`: a file for each record of a request, which proves offline that the record is in the log. */
import { join } from 'node:path';
import { decisionIdOf } from '../audit/read/judge-bundle.js';
import type { OpenedLog } from '../audit/read/opened-log.js';
import { proveRecord, type ProvenRecord } from '../audit/read/prove-record.js';
import { searchLog } from '../audit/read/query.js';
import { openLog, placeFault } from './audit-places.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { writeWhole } from './files.js';
import { wholeNumber } from './option-values.js';
import { ProgressBar } from './progress.js';
import { escapeControls } from '../json/escape-text.js';
import { jsonText } from './text.js';

interface ProveOptions {
  readonly index?: number;
  readonly out: string;
  readonly json?: true;
}

/** A request has a record or two; an id of somebody's own can be on any number. */
const MAX_PROOFS = 64;

async function prove(world: CliWorld, words: readonly string[], options: ProveOptions): Promise<ExitCode> {
  const [id, directory] = options.index === undefined ? words : [undefined, words[0]];
  if (directory === undefined || words.length !== (options.index === undefined ? 2 : 1))
    throw usageFault('one record and one log', 'give ID DIRECTORY, or --index N DIRECTORY');
  try {
    const log = openLog(directory);
    const indexes = id === undefined ? [options.index ?? 0] : indexesOf(world, log, id);
    const files = [];
    for (const index of indexes) {
      const proven = await proveRecord(log, index);
      const file = join(options.out, `${index}.tlog-proof`);
      writeWhole(file, proven.proof);
      files.push({ file, ...proven });
    }
    world.out(options.json ? jsonText(files.map(toJson)) : files.map(toText).join(''));
    return ExitCode.good;
  } catch (error) {
    if (error instanceof RangeError)
      throw new CliFault(error.message, 'give the number of a record that is there', ExitCode.refused);
    throw placeFault(directory, error);
  }
}

/** Where the records of a request lie. */
function indexesOf(world: CliWorld, log: OpenedLog, id: string): number[] {
  const indexes: number[] = [];
  const bar = new ProgressBar(world, 'looking for the record', log.bundles);
  const onProgress = (done: number): void => bar.update(done);
  for (const { found } of searchLog({ log, filter: { ids: [id] }, onProgress }))
    indexes.push(...found.map(({ index }) => index));
  bar.finish();
  if (indexes.length === 0)
    throw new CliFault(
      `no record of the log is of ${id}`,
      'give the request_id of an answer; what is not sealed yet is in the log within a second',
      ExitCode.refused,
    );
  return indexes.slice(0, MAX_PROOFS);
}

type WrittenProof = ProvenRecord & { readonly file: string };

function toText({ file, index, record }: WrittenProof): string {
  const id = decisionIdOf(record);
  return escapeControls(`${file} proves record ${index}${id === undefined ? '' : `, decision ${id}`}`) + '\n';
}

function toJson({ file, index, record }: WrittenProof): object {
  return { file, index, decision_id: decisionIdOf(record) ?? null };
}

/** Adds the command. */
export const registerAuditProve: Register = (group, session) => {
  group
    .command('prove')
    .description(
      'write a proof (C2SP tlog-proof) of each record of a request, to be verified without the log',
    )
    .usage('[options] ID DIRECTORY | --index N DIRECTORY')
    .argument('<words...>', 'a decision or request id, and the directory of the log')
    .option(
      '--index <number>',
      'the number of the record in the log, in place of an id',
      wholeNumber(0, 999_999_999_999_999),
    )
    .option('-o, --out <directory>', 'where the files go, each named by the number of its record', '.')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign audit prove 6f1c0e7e-0d0c-4f6e-9a59-0f6f8a7b5c3d state/audit-log --out proofs',
        'countersign audit prove --index 73894 state/audit-log',
      ),
    )
    .action(session.action(prove));
};
