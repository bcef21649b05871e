/** A process that opens a journal and closes it, over and over, unless it is killed. */
import { writeSync } from 'node:fs';
import { openJournal } from '../../src/nonces/lmdb/journal.js';

/** The JSON argument. */
export interface JournalOpenerTask {
  readonly place: Parameters<typeof openJournal>[0];
  readonly openings: number;
}

const { place, openings } = JSON.parse(process.argv[2] ?? '') as JournalOpenerTask;
for (let done = 0; done < openings; done++) {
  const journal = openJournal(place);
  await journal.close();
  writeSync(1, `${done}\n`);
}
