/** The thread of one search. It reads the end of each file, says what it found, and is over. */
import { existsSync, statSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { look } from './look.js';
import { UnreadableRecords } from './records.js';
import { whyJson, whyText } from './report.js';
import { withoutId, type SearchData, type SearchOutcome } from './search.js';

/** Of each file: some two million records. */
const MAX_BYTES = 1024 * 1024 * 1024;
/** In the directory of a log, from its newest record: well within the deadline of the search. */
const LOG_MILLISECONDS = 12_000;

// On Linux a niceness is a thread's own: whatever serves comes first.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW);
parentPort?.postMessage(await answer(workerData as SearchData));

async function answer({ id, files }: SearchData): Promise<SearchOutcome> {
  const there = (names: readonly string[]): string[] => names.filter((name) => existsSync(name));
  const present = { ...files, audit: there(files.audit), envoy: there(files.envoy) };
  const read = [...(files.log === undefined ? present.audit : []), ...present.envoy];
  const endMs = performance.now() + LOG_MILLISECONDS;
  const mayGoOn = (): boolean => performance.now() < endMs;
  try {
    const findings = await look(id, present, { maxBytes: MAX_BYTES, mayGoOn });
    const { records, copies, lines } = findings;
    const cut = read.filter((name) => statSync(name).size > MAX_BYTES);
    const note = cut.length === 0 ? undefined : `Only the last gibibyte was read of ${cut.join(' and ')}.`;
    if (records.length + copies.length + lines.length === 0)
      return {
        outcome: 'nothing',
        note: [placesText(files.log, read), ...(note === undefined ? [] : [note])].join(' '),
      };
    return { outcome: 'found', text: whyText(findings), details: whyJson(findings), ...(note && { note }) };
  } catch (error) {
    if (!(error instanceof UnreadableRecords)) throw error;
    return { outcome: 'failed', reason: error.message, remedy: error.remedy };
  }
}

function placesText(log: string | undefined, read: readonly string[]): string {
  const places = [...(log === undefined ? [] : [log]), ...read];
  if (places.length === 0) return 'No file of records is on this machine: they go to standard output.';
  const looked = `It was looked for in ${places.join(' and ')}. Older records may be in files that were moved away.`;
  return log === undefined ? looked : `${looked} And ${withoutId(log)}`;
}
