/** A journal that other processes open, and are killed opening, while it is written to (src/storage/lmdb/write-lock.ts). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal, type Journal } from '../../src/nonces/lmdb/journal.js';
import { compileScript, runScript, type CompiledScript } from '../support/child-process.js';
import type { JournalOpenerTask } from './journal-opener-child.js';

const MAP_BYTES = 16 * 1_048_576;
const OPENINGS = 500;
const KILLS = 25;
const TRANSACTIONS_A_TURN = 20;

let script: CompiledScript;
let folder = '';
let journal: Journal;

beforeAll(() => {
  script = compileScript('test/contract/journal-opener-child.ts');
});
afterAll(() => script.remove());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-openings-'));
  journal = openJournal(place());
});
afterEach(async () => {
  await journal.close();
  rmSync(folder, { recursive: true });
});

function place(): JournalOpenerTask['place'] {
  return { directory: folder, durability: 'process', bootId: 'aaaa', mapBytes: MAP_BYTES };
}

function opener(openings: number): ReturnType<typeof runScript> {
  const task: JournalOpenerTask = { place: place(), openings };
  return runScript(script, task);
}

interface Seen {
  written: number;
  lost: number;
}

/** Commits until told to stop; every transaction has to find what the one before it left. */
async function writeUntil(done: () => boolean, seen: Seen = { written: 0, lost: 0 }): Promise<Seen> {
  while (!done()) {
    for (let turn = 0; turn < TRANSACTIONS_A_TURN; turn++) {
      journal.transact((transaction) => {
        if ((transaction.head()?.lastRecord ?? 0) !== seen.written) seen.lost++;
        seen.written++;
        transaction.writeHead({
          lastRecord: seen.written,
          floorSeconds: 0,
          forgottenThroughSeconds: 0,
        });
      });
    }
    await new Promise(setImmediate);
  }
  return seen;
}

// Fault: store-writer-killed
it(`loses no transaction to ${OPENINGS} openings by another process`, async () => {
  const seen: Seen = { written: 0, lost: 0 };
  // On a busy machine a writer comes to its turn less often than an opener: then there is another round.
  do {
    let done = false;
    const child = opener(OPENINGS);
    const read = (async () => {
      let openings = 0;
      for await (const line of child.lines) openings += line === '' ? 0 : 1;
      done = true;
      return openings;
    })();
    await writeUntil(() => done, seen);
    expect(await read).toBe(OPENINGS);
  } while (seen.written <= OPENINGS);
  expect(seen.lost).toBe(0);
}, 120_000);

// Fault: store-writer-killed
it(`loses no transaction to ${KILLS} processes that are killed while they open it`, async () => {
  let done = false;
  const killing = (async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      const child = opener(1_000_000);
      for await (const line of child.lines) {
        if (Number(line) >= kill) break;
      }
      child.process.kill('SIGKILL');
      await child.ended;
    }
    done = true;
  })();
  const { lost } = await writeUntil(() => done);
  await killing;
  expect(lost).toBe(0);
}, 120_000);
