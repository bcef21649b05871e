/** What the lmdb store promises to several processes, those among them that are killed. */
import { initialiseNonceDirectory } from '../../src/nonces/lmdb/store.js';
import { compileScript, runScript, type CompiledScript } from '../support/child-process.js';
import { numberedClaim } from './nonce-claims.js';
import type { NonceChildLine, NonceChildTask } from './nonce-store-child.js';
import { LmdbUnderTest } from './nonce-store-lmdb-harness.js';

const CLAIMED = { kind: 'claimed' };
const test = new LmdbUnderTest();

describe('several stores over one directory', () => {
  it('count and decide as one', async () => {
    const one = await test.openNew({ maxEntries: 3, maxEntriesPerIdentity: 2 });
    const other = await test.open({ maxEntries: 3, maxEntriesPerIdentity: 2 });
    await one.claim(numberedClaim(1));
    await other.claim(numberedClaim(2));
    expect(await one.claim(numberedClaim(3))).toEqual({ kind: 'doubt', reason: 'quota_exceeded' });
    await other.claim(numberedClaim(4, { identity: 'svc-other' }));
    expect(await one.claim(numberedClaim(5, { identity: 'svc-third' }))).toEqual({
      kind: 'doubt',
      reason: 'store_full',
    });
    await other.withdraw(numberedClaim(1));
    expect(await one.claim(numberedClaim(1))).toEqual(CLAIMED);
  });
});

describe('processes', () => {
  let script: CompiledScript;
  beforeAll(() => {
    script = compileScript('test/contract/nonce-store-child.ts');
  });
  afterAll(() => script.remove());

  function start(name: string, count: number, atOnce: number) {
    const task: NonceChildTask = {
      directory: test.directory,
      name,
      count,
      atOnce,
      nowMs: test.clock.nowMs(),
    };
    return runScript(script, task);
  }
  async function readAll(lines: AsyncIterable<string>): Promise<Map<number, string>> {
    const outcomes = new Map<number, string>();
    for await (const line of lines) {
      for (const [index, outcome] of JSON.parse(line) as NonceChildLine) outcomes.set(index, outcome);
    }
    return outcomes;
  }

  // Fault: copies
  it('racing for 20,000 nonces win each once, and every loser learns whose it was', async () => {
    await initialiseNonceDirectory(test.options());
    const racers = ['one', 'two'].map((name) => start(name, 20_000, 32));
    const [one, two] = await Promise.all(racers.map(({ lines }) => readAll(lines)));
    for (let index = 0; index < 20_000; index += 1) {
      const outcomes = [one?.get(index), two?.get(index)];
      const fair = outcomes[0] === 'claimed' ? ['claimed', `one-${index}`] : [`two-${index}`, 'claimed'];
      if (outcomes.join() !== fair.join()) expect(outcomes).toEqual(fair);
    }
    const won = [one, two].map(
      (each) => [...(each ?? [])].filter(([, outcome]) => outcome === 'claimed').length,
    );
    expect((won[0] ?? 0) + (won[1] ?? 0)).toBe(20_000);
  }, 120_000);

  // Fault: store-writer-killed
  it('killed in the middle of their work have lost nothing that they answered', async () => {
    await initialiseNonceDirectory(test.options());
    const survivor = await test.open();
    for (let round = 0; round < 3; round += 1) {
      const child = start(`round-${round}`, 1_000_000, 16);
      let seen = 0;
      const outcomes = new Map<number, string>();
      for await (const line of child.lines) {
        for (const [index, outcome] of JSON.parse(line) as NonceChildLine) outcomes.set(index, outcome);
        if ((seen += 1) === 300) child.process.kill('SIGKILL');
      }
      expect(await child.ended).toBe('SIGKILL');
      expect(outcomes.size).toBeGreaterThanOrEqual(4_800);
      for (const store of [survivor, await test.open()]) {
        for (const index of outcomes.keys()) {
          const outcome = await store.claim(numberedClaim(index));
          if (outcome.kind !== 'replayed') expect([index, outcome.kind]).toEqual([index, 'replayed']);
        }
      }
    }
  }, 120_000);
});
