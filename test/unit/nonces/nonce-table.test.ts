import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { NonceTable } from '../../../src/nonces/nonce-table.js';

const keyOf = (number: number) => createHash('sha256').update(`${number}`).digest();
const entryAt = (timestampSeconds: number, requestId = `request ${timestampSeconds}`) => ({
  timestampSeconds,
  seenAtMs: timestampSeconds * 1000 - 1_500,
  identity: 3,
  requestId,
});

describe('the entry table', () => {
  it('agrees with a Map under any sequence of adding, removing and dying', () => {
    const operation = fc.record({
      kind: fc.constantFrom('add', 'add', 'add', 'remove', 'kill'),
      key: fc.nat(40),
      ahead: fc.integer({ min: 1, max: 50 }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
        const table = new NonceTable();
        const model = new Map<number, ReturnType<typeof entryAt>>();
        let dead = 1_000;
        operations.forEach(({ kind, key, ahead }, at) => {
          if (kind === 'remove') {
            table.remove(keyOf(key));
            model.delete(key);
          } else if (kind === 'kill') {
            dead += ahead >> 2;
            table.killThrough(dead);
            for (const [each, entry] of model) if (entry.timestampSeconds <= dead) model.delete(each);
          } else if (!model.has(key)) {
            model.set(key, entryAt(dead + ahead, `request ${at}`));
            table.add(keyOf(key), entryAt(dead + ahead, `request ${at}`));
          }
          for (let each = 0; each <= 40; each += 1) expect(table.find(keyOf(each))).toEqual(model.get(each));
        });
      }),
      { numRuns: 30 },
    );
  });

  it('keeps what it holds while it grows and is swept', () => {
    const table = new NonceTable();
    for (let at = 0; at < 60_000; at += 1) {
      table.add(keyOf(at), entryAt(1_000 + at));
      if (at % 1_000 === 0) table.killThrough(1_000 + at - 20_000);
    }
    table.killThrough(41_000);
    for (let at = 0; at < 60_000; at += 7) {
      expect(table.find(keyOf(at))?.timestampSeconds).toBe(at > 40_000 ? 1_000 + at : undefined);
    }
  });

  it('holds timestamps beyond 2038', () => {
    const table = new NonceTable();
    table.add(keyOf(1), entryAt(4_000_000_000));
    table.killThrough(3_999_999_999);
    expect(table.find(keyOf(1))).toEqual(entryAt(4_000_000_000));
    table.killThrough(4_000_000_000);
    expect(table.find(keyOf(1))).toBeUndefined();
  });

  it('is empty after it was cleared', () => {
    const table = new NonceTable();
    table.add(keyOf(1), entryAt(2_000));
    table.clear();
    expect(table.find(keyOf(1))).toBeUndefined();
  });
});
