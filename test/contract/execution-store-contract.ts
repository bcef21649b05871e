/** What every execution store promises. Run by `execution-store.test.ts` over each of them. */
import type { ExecutionBounds, ExecutionPair, ExecutionStore } from '../../src/executions/execution-store.js';
import { numberedPair, OTHER_TENANT, ROOMY, START_MS, TENANT } from './execution-pairs.js';

/** Opens an empty store; the suite closes it. */
export type OpenStore = (bounds: ExecutionBounds) => ExecutionStore;

/** Remembers pairs one after the other, a millisecond apart. */
export async function rememberEach(store: ExecutionStore, pairs: readonly ExecutionPair[]): Promise<void> {
  for (const [index, pair] of pairs.entries()) await store.remember(pair, START_MS + index);
}

/** Which of the numbered pairs are known. */
export async function knownOf(
  store: ExecutionStore,
  count: number,
  tenant = TENANT,
  nowMs = START_MS,
): Promise<number[]> {
  const known = await Promise.all(numbered(count, tenant).map(async (pair) => store.has(pair, nowMs)));
  return [...known.keys()].filter((number) => known[number]);
}

const numbered = (count: number, tenant = TENANT): ExecutionPair[] =>
  Array.from({ length: count }, (_, index) => numberedPair(index, tenant));

/** Runs the contract over the stores that `open` opens. */
export function describeExecutionStore(name: string, open: OpenStore): void {
  let store: ExecutionStore;
  const reopen = async (bounds: Partial<ExecutionBounds>): Promise<void> => {
    await store.close();
    store = open({ ...ROOMY, ...bounds });
  };

  describe(`the ${name} execution store`, () => {
    beforeEach(() => {
      store = open(ROOMY);
    });
    afterEach(() => store.close());

    describeKnowledge(() => store);
    describeBounds(() => store, reopen);

    it('knows nothing and keeps nothing once it is closed, and does not mind being closed twice', async () => {
      await store.remember(numberedPair(1), START_MS);
      await store.close();
      expect(await store.has(numberedPair(1), START_MS)).toBe(false);
      await expect(store.remember(numberedPair(2), START_MS)).rejects.toThrow('closed');
      await store.close();
    });

    it('finishes what it was told before it is closed', async () => {
      const told = Promise.all(numbered(300).map((pair) => store.remember(pair, START_MS)));
      await store.close();
      await expect(told).resolves.toHaveLength(300);
    });

    it.each([
      ['maxPerTenant', { maxPerTenant: 0 }],
      ['maxPerTenant', { maxPerTenant: 1.5 }],
      ['maxInAll', { maxPerTenant: 11, maxInAll: 10 }],
      ['retentionSeconds', { retentionSeconds: 0 }],
      ['retentionSeconds', { retentionSeconds: NaN }],
    ])('refuses an impossible %s (%p)', (setting, bounds) => {
      expect(() => open({ ...ROOMY, ...bounds })).toThrow(`execution store: ${setting} is`);
    });
  });
}

function describeKnowledge(store: () => ExecutionStore): void {
  it('knows what it was told, as soon as that was kept', async () => {
    await store().remember(numberedPair(1), START_MS);
    expect(await store().has(numberedPair(1), START_MS)).toBe(true);
  });

  it('knows every one of many that are told at once', async () => {
    await Promise.all(numbered(500).map((pair) => store().remember(pair, START_MS)));
    expect(await knownOf(store(), 500)).toHaveLength(500);
  });

  const told = numberedPair(1);
  it.each<[string, ExecutionPair]>([
    ['an execution that nobody submitted', { ...told, execution: numberedPair(2).execution }],
    [
      'a measurement that was attested for another execution',
      { ...told, attestation: numberedPair(2).attestation },
    ],
    ['the pair of another tenant', { ...told, tenant: OTHER_TENANT }],
    [
      'execution and measurement in each other’s place',
      { ...told, execution: told.attestation, attestation: told.execution },
    ],
    [
      'a tenant whose name goes on in the execution',
      { ...told, tenant: `${told.tenant}${told.execution.slice(0, 8)}`, execution: told.execution.slice(8) },
    ],
    ['names of JavaScript', { tenant: '__proto__', execution: 'constructor', attestation: 'toString' }],
    ['nothing at all', { tenant: '', execution: '', attestation: '' }],
  ])('does not know %s', async (_, pair) => {
    await store().remember(told, START_MS);
    await store().remember(numberedPair(2), START_MS);
    expect(await store().has(pair, START_MS)).toBe(false);
  });

  it('forgets a pair when its retention is over, to the millisecond', async () => {
    await store().remember(numberedPair(1), START_MS);
    const endMs = START_MS + ROOMY.retentionSeconds * 1000;
    expect(await store().has(numberedPair(1), endMs - 1)).toBe(true);
    expect(await store().has(numberedPair(1), endMs)).toBe(false);
  });

  it('keeps a pair that is submitted again from then on', async () => {
    await store().remember(numberedPair(1), START_MS);
    await store().remember(numberedPair(1), START_MS + 500_000);
    expect(await store().has(numberedPair(1), START_MS + 1_099_999)).toBe(true);
    expect(await store().has(numberedPair(1), START_MS + 1_100_000)).toBe(false);
  });

  it('still knows a pair when the clock was put back behind its submission', async () => {
    await store().remember(numberedPair(1), START_MS);
    expect(await store().has(numberedPair(1), START_MS - 3_600_000)).toBe(true);
  });
}

function describeBounds(
  store: () => ExecutionStore,
  reopen: (bounds: Partial<ExecutionBounds>) => Promise<void>,
): void {
  it('forgets the oldest of a tenant that has too many, and nothing of the others', async () => {
    await reopen({ maxPerTenant: 3 });
    await rememberEach(store(), [...numbered(3, OTHER_TENANT), ...numbered(5)]);
    expect(await knownOf(store(), 5)).toEqual([2, 3, 4]);
    expect(await knownOf(store(), 5, OTHER_TENANT)).toEqual([0, 1, 2]);
  });

  it('counts a pair once, however often it is submitted', async () => {
    await reopen({ maxPerTenant: 2 });
    await rememberEach(store(), [numberedPair(0), ...Array<ExecutionPair>(5).fill(numberedPair(1))]);
    expect(await knownOf(store(), 2)).toEqual([0, 1]);
  });

  it('takes a pair that was submitted again for a new one', async () => {
    await reopen({ maxPerTenant: 2 });
    await rememberEach(
      store(),
      [0, 1, 0, 2].map((number) => numberedPair(number)),
    );
    expect(await knownOf(store(), 3)).toEqual([0, 2]);
  });

  it('forgets the oldest of all when there are too many in all', async () => {
    await reopen({ maxPerTenant: 3, maxInAll: 4 });
    await rememberEach(store(), [...numbered(3, OTHER_TENANT), ...numbered(3)]);
    expect(await knownOf(store(), 3, OTHER_TENANT)).toEqual([2]);
    expect(await knownOf(store(), 3)).toEqual([0, 1, 2]);
  });

  it('has room again for what took the place of expired pairs', async () => {
    await reopen({ maxPerTenant: 5, maxInAll: 5 });
    await rememberEach(store(), numbered(5, OTHER_TENANT));
    const laterMs = START_MS + 700_000;
    for (const pair of numbered(5)) await store().remember(pair, laterMs);
    expect(await knownOf(store(), 5, TENANT, laterMs)).toHaveLength(5);
  });

  it('holds its bounds over thousands of pairs', async () => {
    await reopen({ maxPerTenant: 40, maxInAll: 100 });
    for (let round = 0; round < 20; round += 1) {
      const pairs = numbered(100, `tenant-${round % 4}`).map((pair) => ({
        ...pair,
        execution: `${round} ${pair.execution}`,
      }));
      await Promise.all(pairs.map((pair, index) => store().remember(pair, START_MS + round * 100 + index)));
    }
    let known = 0;
    for (let round = 0; round < 20; round += 1) {
      const pairs = numbered(100, `tenant-${round % 4}`).map((pair) => ({
        ...pair,
        execution: `${round} ${pair.execution}`,
      }));
      const asked = await Promise.all(pairs.map(async (pair) => store().has(pair, START_MS)));
      known += asked.filter(Boolean).length;
    }
    expect(known).toBe(100);
  });
}
