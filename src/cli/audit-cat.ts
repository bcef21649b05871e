/** `countersign audit cat` and `audit tail`: the records of a log as lines, those that are there or also those that come. */
import { followLog, readRecords, type ReadRun } from '../audit/read/follow-log.js';
import { recordLine } from '../audit/read/record-line.js';
import { logMoment } from '../audit/read/unsealed.js';
import { openLog, placeFault } from './audit-places.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples } from './command.js';
import { wholeNumber } from './option-values.js';
import { escapeControls } from '../json/escape-text.js';

interface CatOptions {
  readonly from?: number;
  readonly to?: number;
}

interface TailOptions {
  readonly lines: number;
  readonly follow?: true;
  readonly unsealed?: true;
}

/** A log is sealed once a second at the latest. */
const LOOK_MILLISECONDS = 200;
const MAX_INDEX = 999_999_999_999_999;

async function cat(world: CliWorld, directory: string, { from = 0, to }: CatOptions): Promise<ExitCode> {
  return reading(directory, async () => {
    const log = openLog(directory);
    const end = Math.min(log.size, to === undefined ? log.size : to + 1);
    const teller = new RunTeller(world);
    for (const run of readRecords(log, from, end)) if (!(await teller.tell(run))) break;
    teller.finish();
  });
}

async function tail(world: CliWorld, directory: string, options: TailOptions): Promise<ExitCode> {
  return reading(directory, async () => {
    const moment = options.unsealed && !options.follow ? logMoment(directory) : undefined;
    const log = moment?.sealed ?? openLog(directory);
    const from = Math.max(0, log.size - options.lines);
    const teller = new RunTeller(world);
    if (options.follow) {
      let isWanted = true;
      const wait = async (): Promise<boolean> => {
        await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
        return isWanted;
      };
      for await (const run of followLog({ directory, from, wait })) {
        isWanted = await teller.tell(run);
        teller.finish();
        if (!isWanted) break;
      }
    } else {
      for (const run of readRecords(log, from, log.size)) if (!(await teller.tell(run))) break;
      teller.finish();
      if (moment !== undefined) await tellUnsealed(world, moment.unsealed);
    }
  });
}

/** They may be sealed by now, and nothing vouches for them. */
async function tellUnsealed(world: CliWorld, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    world.out(`${escapeControls(line)}\n`);
    if (!(await world.drained())) return;
  }
  const { length } = lines;
  world.err(length === 0 ? 'every record is sealed\n' : `the last ${length} records are not sealed yet\n`);
}

/** Prints runs of records, and says once what was pruned. */
class RunTeller {
  readonly #world: CliWorld;
  #pruned: { readonly index: number; end: number } | undefined;

  constructor(world: CliWorld) {
    this.#world = world;
  }

  /** False when nobody reads any more. */
  tell({ index, end, records }: ReadRun): Promise<boolean> {
    if (records === undefined) {
      if (this.#pruned === undefined) this.#pruned = { index, end };
      else this.#pruned.end = end;
      return Promise.resolve(true);
    }
    this.finish();
    this.#world.out(records.map((record) => `${recordLine(record)}\n`).join(''));
    return this.#world.drained();
  }

  finish(): void {
    const pruned = this.#pruned;
    this.#pruned = undefined;
    if (pruned !== undefined)
      this.#world.err(`records ${pruned.index} to ${pruned.end - 1} were pruned, or are missing\n`);
  }
}

async function reading(directory: string, read: () => Promise<void>): Promise<ExitCode> {
  try {
    await read();
    return ExitCode.good;
  } catch (error) {
    if (error instanceof RangeError)
      throw new CliFault(
        `${directory}: ${error.message}`,
        'it was put back or replaced: verify it with a checkpoint that you have kept',
        ExitCode.refused,
      );
    throw placeFault(directory, error);
  }
}

/** Adds both commands. */
export const registerAuditCat: Register = (group, session) => {
  group
    .command('cat')
    .description('print the sealed records of a log, a line each; verifies nothing')
    .argument('<directory>', 'the log')
    .option('--from <number>', 'the first record; numbers begin at 0', wholeNumber(0, MAX_INDEX))
    .option('--to <number>', 'the last record', wholeNumber(0, MAX_INDEX))
    .addHelpText('after', examples('countersign audit cat state/audit-log --from 1000 --to 1999'))
    .action(session.action(cat));
  group
    .command('tail')
    .description('print the last sealed records of a log, and those that come; verifies nothing')
    .argument('<directory>', 'the log')
    .option('-n, --lines <number>', 'how many', wholeNumber(0, MAX_INDEX), 10)
    .option('-f, --follow', 'go on with what is sealed, until the reader or the command is ended')
    .option('--unsealed', 'then what is in the write-ahead files and in no checkpoint yet (without --follow)')
    .addHelpText(
      'after',
      examples(
        'countersign audit tail -f state/audit-log',
        'countersign audit tail --unsealed state/audit-log',
      ),
    )
    .action(session.action(tail));
};
