/** A directory for lmdb stores, one for each test, with a clock; removed after it. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  initialiseNonceDirectory,
  openLmdbNonceStore,
  type LmdbNonceStoreOptions,
} from '../../src/nonces/lmdb/store.js';
import type { NonceStore } from '../../src/nonces/nonce-store.js';
import { fakeClock, START_SECONDS, type FakeClock } from './nonce-claims.js';
import { optionsWith } from './nonce-store-harness.js';

export class LmdbUnderTest {
  readonly #opened: NonceStore[] = [];
  directory = '';
  clock: FakeClock = fakeClock(START_SECONDS);

  /** Registers the hooks that make and remove the directory. */
  constructor() {
    beforeEach(() => {
      this.directory = join(mkdtempSync(join(tmpdir(), 'countersign-lmdb-')), 'nonces');
      this.clock = fakeClock(START_SECONDS);
    });
    afterEach(async () => {
      await this.closeAll();
      rmSync(join(this.directory, '..'), { recursive: true, force: true });
    });
  }

  options(but: Partial<LmdbNonceStoreOptions> = {}): LmdbNonceStoreOptions {
    return { ...optionsWith(this.clock), directory: this.directory, durability: 'process', ...but };
  }

  async open(but: Partial<LmdbNonceStoreOptions> = {}): Promise<NonceStore> {
    const store = await openLmdbNonceStore(this.options(but));
    this.#opened.push(store);
    return store;
  }

  /** A store of a directory that has never served, so that it need not wait for its floor. */
  async openNew(but: Partial<LmdbNonceStoreOptions> = {}): Promise<NonceStore> {
    await initialiseNonceDirectory(this.options(but));
    return this.open(but);
  }

  async closeAll(): Promise<void> {
    for (const store of this.#opened.splice(0)) await store.close();
  }

  journalFile(): string {
    const name = readdirSync(this.directory).find((file) => file.endsWith('.mdb'));
    return join(this.directory, name ?? '');
  }
}
