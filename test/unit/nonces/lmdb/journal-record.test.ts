import fc from 'fast-check';
import {
  decodeRecord,
  encodeRecord,
  fitsRecord,
  isStanding,
  statusEvent,
  statusOf,
} from '../../../../src/nonces/lmdb/journal-record.js';

const event = fc.record({
  kind: fc.constantFrom('claimed' as const, 'withdrawn' as const),
  key: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
  timestampSeconds: fc.integer({ min: 0, max: 4_294_967_295 }),
  seenAtMs: fc.integer({ min: 0, max: 4_294_967_295_000 }),
  requestId: fc.string({ unit: 'binary', maxLength: 60 }),
  identity: fc.string({ unit: 'binary', maxLength: 60 }),
});

describe('a journal record', () => {
  it('reads back as it was written', () => {
    fc.assert(
      fc.property(fc.array(event), (events) => expect(decodeRecord(encodeRecord(events))).toEqual(events)),
    );
  });

  it.each([0, 202, 999])('of a status (%s) is to an earlier version a claim that stands', (status) => {
    const key = Buffer.alloc(16, 7);
    const record = encodeRecord([statusEvent({ key, timestampSeconds: 5 }, status)]);
    const [read] = decodeRecord(record);
    expect(read).toMatchObject({ kind: 'claimed', requestId: '', identity: '' });
    expect([record.length, isStanding(read!), statusOf(read!)]).toEqual([31, true, status]);
  });

  it('that was cut short is an error, not fewer events', () => {
    const whole = fc.tuple(event, fc.double({ min: 0, max: 0.99, noNaN: true }));
    fc.assert(
      fc.property(whole, ([one, part]) => {
        const record = encodeRecord([one]);
        const cut = record.subarray(0, Math.max(1, Math.floor(record.length * part)));
        expect(() => decodeRecord(cut)).toThrow();
      }),
    );
  });

  it('holds texts of up to 255 bytes', () => {
    expect(fitsRecord('x'.repeat(255), 'é'.repeat(127))).toBe(true);
    expect(fitsRecord('x'.repeat(256), 'id')).toBe(false);
    expect(fitsRecord('x', 'é'.repeat(128))).toBe(false);
  });
});
