/** What every source of signatures has to do, whatever is behind it: the suite of the port (`src/keys/key-source.ts`). */
import { fastVerifier } from '../../src/crypto/engines.js';
import { restorePublicKey } from '../../src/crypto/public-key.js';
import type { KeyReference, KeySource, KeySourceAnswer } from '../../src/keys/key-source.js';

/** A source with two keys, and what it has not. */
export interface SourceUnderTest {
  readonly source: KeySource;
  /** Two keys that it has, with their public halves as they are known from elsewhere. */
  readonly keys: readonly [KnownKey, KnownKey];
  /** A key that it has not. */
  readonly absent: KeyReference;
  /** No call may take longer. */
  readonly timeoutMilliseconds: number;
  /** Called after the source was closed. */
  readonly remove?: () => unknown;
}

interface KnownKey {
  readonly reference: KeyReference;
  readonly publicKey: Uint8Array;
}

const verifier = fastVerifier();

/** Opens a source for each test. */
export function describeKeySource(name: string, open: () => Promise<SourceUnderTest>): void {
  describe(`a source of signatures: ${name}`, () => {
    let one: SourceUnderTest;
    beforeEach(async () => {
      one = await open();
    });
    afterEach(async () => {
      await one.source.close();
      await one.remove?.();
    });

    const bytesOf = (answer: KeySourceAnswer): Uint8Array => {
      if (!answer.ok) throw new Error(`${answer.fault}: ${answer.reason}`);
      return answer.bytes;
    };
    const isSigned = async (
      message: Uint8Array,
      { reference, publicKey } = one.keys[0],
    ): Promise<boolean> => {
      const before = Uint8Array.from(message);
      const bytes = bytesOf(await one.source.sign(reference, message));
      expect(message).toEqual(before);
      return verifier.verify(restorePublicKey(publicKey), before, bytes);
    };

    it('has the public halves that are known', async () => {
      for (const { reference, publicKey } of one.keys)
        expect(Uint8Array.from(bytesOf(await one.source.publicKey(reference)))).toEqual(
          Uint8Array.from(publicKey),
        );
    });

    it.each([0, 1, 64, 1_000])('signs a message of %d bytes', async (length) => {
      expect(await isSigned(Buffer.alloc(length, 0xa5))).toBe(true);
    });

    it('signs the longest message that it says it signs, and none that is longer', async () => {
      const { maxMessageBytes } = one.source;
      expect(await isSigned(Buffer.alloc(maxMessageBytes, 0x7c))).toBe(true);
      const answer = await one.source.sign(one.keys[0].reference, Buffer.alloc(maxMessageBytes + 1));
      expect(answer).toMatchObject({ ok: false, fault: 'too_large' });
    });

    it('signs with the key that is named, though many are named at once', async () => {
      const [first, second] = one.keys;
      const asked = Array.from({ length: 40 }, (_, at) =>
        isSigned(Buffer.from(`message ${at}`), at % 2 === 0 ? first : second),
      );
      expect(await Promise.all(asked)).toEqual(asked.map(() => true));
    });

    it('refuses what it has no key for, in words, and goes on', async () => {
      for (const answer of [
        await one.source.sign(one.absent, Buffer.from('x')),
        await one.source.publicKey(one.absent),
      ]) {
        expect(answer).toMatchObject({ ok: false, fault: 'refused' });
        expect(!answer.ok && answer.reason).toMatch(/^[a-z][^\n]{3,300}$/);
      }
      expect(await isSigned(Buffer.from('after'))).toBe(true);
    });

    it('is away once it is closed, at once, and what was under way has come to an end', async () => {
      const [{ reference }] = one.keys;
      const underWay = Array.from({ length: 5 }, () => one.source.sign(reference, Buffer.from('late')));
      await one.source.close();
      for (const answer of await Promise.all(underWay)) expect([true, false]).toContain(answer.ok);
      expect(await one.source.sign(reference, Buffer.from('x'))).toMatchObject({ ok: false, fault: 'away' });
      expect(await one.source.publicKey(reference)).toMatchObject({ ok: false, fault: 'away' });
      await one.source.close();
    });
  });
}
