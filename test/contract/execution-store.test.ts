import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLmdbExecutionStore } from '../../src/executions/lmdb-store.js';
import { createMemoryExecutionStore } from '../../src/executions/memory-store.js';
import { openExecutionStore } from '../../src/serve/stores.js';
import { describeExecutionStore } from './execution-store-contract.js';

describeExecutionStore('memory', createMemoryExecutionStore);

let folder: string;
let stores = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-executions-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const nextDirectory = (): string => join(folder, `${(stores += 1)}`);

for (const durability of ['process', 'machine'] as const) {
  describeExecutionStore(`lmdb (${durability})`, (bounds) =>
    openLmdbExecutionStore({ ...bounds, directory: nextDirectory(), durability }),
  );
}

describe('the store that is opened', () => {
  const entries = { maxEntries: 10, maxEntriesPerIdentity: 10 };
  it.each([
    ['memory', { store: 'memory', ...entries }],
    ['lmdb', { store: 'lmdb', ...entries, durability: 'process' }],
  ] as const)('is of the kind of the nonce store: %s', async (name, nonces) => {
    const settings = nonces.store === 'memory' ? nonces : { ...nonces, directory: nextDirectory() };
    const store = openExecutionStore({ maxPerTenant: 2_000_000, retentionSeconds: 60 }, settings);
    expect(store.name).toBe(name);
    await store.close();
  });
});
