import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLmdbNonceStore } from '../../src/nonces/lmdb/store.js';
import { createMemoryNonceStore } from '../../src/nonces/memory-store.js';
import { describeNonceStore } from './nonce-store-contract.js';

describeNonceStore('memory', createMemoryNonceStore);

let folder: string;
let stores = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-nonces-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

for (const durability of ['process', 'machine'] as const) {
  describeNonceStore(`lmdb (${durability})`, (options) => {
    stores += 1;
    return openLmdbNonceStore({ ...options, directory: join(folder, `${stores}`), durability });
  });
}
