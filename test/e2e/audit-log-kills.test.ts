/** The sequencer's thread as it is compiled, in processes that append and are killed at any moment. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Checkpoint } from '../../src/tlog/checkpoint.js';
import {
  checkpointOf,
  extendsCheckpoint,
  newDirectory,
  ORIGIN,
  removeDirectory,
  verifiedRecords,
} from '../support/audit-log/log-under-test.js';

const DIST = join(import.meta.dirname, '../../dist/src');

/** Appends without end, and prints the number of each record that is acknowledged; with a count, closes after it. */
const PROGRAM = `
  import { writeSync } from 'node:fs';
  const [dist, directory, origin, name, count] = process.argv.slice(2);
  const { prepareLog } = await import(dist + '/audit/log/prepare.js');
  const { startSequencer } = await import(dist + '/audit/log/sequencer.js');
  const { openWriteAhead } = await import(dist + '/audit/log/write-ahead.js');
  const { BatchedLog } = await import(dist + '/audit/batched-log.js');
  const { generateKeyPair } = await import(dist + '/crypto/private-key.js');
  const key = generateKeyPair(Buffer.alloc(32, 7));
  const prepared = await prepareLog({ directory, origin, key });
  const report = (level, message) => process.stderr.write(message + '\\n');
  const sequencer = startSequencer({ directory, origin: prepared.origin, secret: key.secret, report });
  const log = new BatchedLog(openWriteAhead({ directory, durability: 'process' }), () => '{}\\n');
  for (let at = 0; at < Number(count); at++) {
    const id = name + '-' + at;
    await log.append(JSON.stringify({ time: new Date().toISOString(), id, padding: 'x'.repeat(at % 700) }) + '\\n');
    writeSync(1, id + '\\n');
    if (at % 50 === 0) await sequencer.sealNow();
  }
  await log.close();
  await sequencer.close();
`;

let directory = '';
let programs = '';
beforeEach(() => {
  directory = newDirectory();
  programs = newDirectory();
  writeFileSync(join(programs, 'program.mjs'), PROGRAM);
});
afterEach(() => {
  removeDirectory(directory);
  removeDirectory(programs);
});

/** Gives what was acknowledged, and how the process ended. Killed after so many lines, if it comes to that. */
async function run(name: string, count: number, killAfter = Infinity) {
  const child = spawn(
    process.execPath,
    [join(programs, 'program.mjs'), DIST, directory, ORIGIN, name, String(count)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const ended = once(child, 'exit');
  const acknowledged: string[] = [];
  for await (const id of createInterface({ input: child.stdout })) {
    acknowledged.push(id);
    if (acknowledged.length === killAfter) child.kill('SIGKILL');
  }
  const [code] = (await ended) as [number | null];
  return { acknowledged, code };
}

// Fault: audit-sequencer-killed
it('loses no record that was acknowledged, has none twice, and never signs two histories', async () => {
  const acknowledged: string[] = [];
  const seen: Checkpoint[] = [];
  for (let round = 0; round < 6; round++) {
    acknowledged.push(...(await run(`killed${round}`, 100_000, 37 + round * 61)).acknowledged);
    seen.push(checkpointOf(directory));
  }
  const last = await run('last', 20);
  expect(last.code).toBe(0);
  const records = (await verifiedRecords(directory)).map((one) => JSON.parse(one) as { id?: string });
  const ids = records.map(({ id }) => id).filter((id) => id !== undefined);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual(expect.arrayContaining([...acknowledged, ...last.acknowledged]));
  for (const checkpoint of seen) expect(await extendsCheckpoint(directory, checkpoint)).toBe(true);
});
