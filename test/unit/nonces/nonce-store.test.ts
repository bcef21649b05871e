import { createMemoryNonceStore } from '../../../src/nonces/memory-store.js';
import { StorageError } from '../../../src/storage/storage-error.js';
import { fakeClock, START_SECONDS } from '../../contract/nonce-claims.js';
import { optionsWith } from '../../contract/nonce-store-harness.js';

describe('nonce store options', () => {
  it.each([
    ['pastSkewSeconds', -1],
    ['pastSkewSeconds', 1.5],
    ['futureSkewSeconds', Number.NaN],
    ['futureSkewSeconds', 86_401],
    ['maxEntries', 0],
    ['maxEntriesPerIdentity', 100_001],
  ])('refuse %s: %d by name', (name, value) => {
    const options = { ...optionsWith(fakeClock(START_SECONDS)), [name]: value };
    expect(() => createMemoryNonceStore(options)).toThrow(StorageError);
    expect(() => createMemoryNonceStore(options)).toThrow(`${name} is ${value}`);
  });
});
