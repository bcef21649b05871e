/** `countersign audit index`: makes the query index of a log directory, as far as it is not there; and how the commands that need it do so. */
import { LogIndex } from '../audit/read/log-index.js';
import type { OpenedLog } from '../audit/read/opened-log.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples } from './command.js';
import { errorCode } from '../client/send-failure.js';
import { openLog, throughFaults } from './audit-places.js';
import { ProgressBar } from './progress.js';

/** The index with what was missing of it. Where it cannot be written that is said, and what has no index is read whole. */
export function completedIndex(world: CliWorld, log: OpenedLog): LogIndex {
  const index = indexOf(world, log);
  try {
    complete(world, index);
  } catch (error) {
    if (!isUnwritable(error)) throw error;
    world.err(
      `countersign: the index of ${log.directory} cannot be written (${errorCode(error)}): every record is read\n`,
    );
  }
  return index;
}

function indexOf(world: CliWorld, log: OpenedLog): LogIndex {
  return new LogIndex(log, { randomSeed: () => Buffer.from(world.randomBytes(4)).readUInt32BE() });
}

/** Gives the number of files that were made. */
function complete(world: CliWorld, index: LogIndex): number {
  const missing = index.missing();
  const bar = new ProgressBar(world, 'indexing the log', missing.length);
  try {
    missing.forEach((segment, done) => {
      bar.update(done);
      index.build(segment);
    });
  } finally {
    bar.finish();
  }
  return missing.length;
}

/** The system's errors alone have a code. */
function isUnwritable(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EEXIST', 'ENOTDIR'].includes(errorCode(error));
}

function buildIndex(world: CliWorld, directory: string): ExitCode {
  return throughFaults(directory, () => {
    const log = openLog(directory);
    const index = indexOf(world, log);
    try {
      const made = complete(world, index);
      world.out(
        `${index.segments} index files for the ${log.size} records of ${directory}, ${made} of them made now; the newest ${log.size - index.segments * 65_536} are read without\n`,
      );
      return ExitCode.good;
    } catch (error) {
      if (!isUnwritable(error)) throw error;
      throw new CliFault(
        `the index of ${directory} cannot be written (${errorCode(error)})`,
        'let this user write there, or ask without it, which takes longer',
      );
    }
  });
}

/** Adds the command. */
export const registerAuditIndex: Register = (group, session) => {
  group
    .command('index')
    .description('make the index that query, export and why find records by, as far as it is not there')
    .argument('<directory>', 'the directory of the log')
    .addHelpText('after', examples('countersign audit index state/audit-log'))
    .action(session.action(buildIndex));
};
