/** One search at a time, bounded; the thread itself is shown at work by test/e2e/page.test.ts. */
import { Worker } from 'node:worker_threads';
import { WhySearch } from '../../../src/why/search.js';

const FILES = { audit: ['decisions.ndjson'], envoy: [] };
const search = (code: string, deadlineMilliseconds = 60_000): WhySearch =>
  new WhySearch(FILES, {
    start: (workerData) => new Worker(code, { eval: true, workerData }),
    deadlineMilliseconds,
  });
const ANSWER = `const { parentPort, workerData } = require('node:worker_threads');
parentPort.postMessage({ outcome: 'nothing', note: workerData.id + workerData.files.audit });`;

describe('a search beside a verifier', () => {
  it('gives what its thread found, also a second time', async () => {
    const one = search(ANSWER);
    const found = { outcome: 'nothing', note: 'xdecisions.ndjson' };
    expect([await one.search('x'), await one.search('x')]).toEqual([found, found]);
  });

  it('is the only one', async () => {
    const one = search(ANSWER);
    const first = one.search('x');
    expect(await one.search('y')).toEqual({ outcome: 'busy' });
    expect(await first).toMatchObject({ outcome: 'nothing' });
  });

  it.each([
    ['takes too long', `setInterval(() => {}, 1000)`, 'it takes longer than 0.3 s', 300],
    ['spins', `for (;;);`, 'it takes longer than 0.3 s', 300],
    ['fails', `throw new Error('no memory')`, 'no memory', 60_000],
    ['ends without an answer', `process.exit(0)`, 'the thread that searches ended', 60_000],
  ])('says so when it %s, and another one may begin', async (_title, code, reason, deadline) => {
    const one = search(code, deadline);
    const failed = { outcome: 'failed', reason: expect.stringContaining(reason) as string };
    expect(await one.search('x')).toMatchObject(failed);
    expect(await one.search('x')).toMatchObject(failed);
  });
});
