import { loadSodium, selectPointCheck, type SodiumModule } from '../../../src/crypto/engines.js';
import { SOUND_POINT, UNSOUND_POINTS } from '../../../src/crypto/known-answers.js';
import { findPointFault } from '../../../src/crypto/edwards-point.js';
import { fromHex, vectors } from './support.js';

const withoutCheck: SodiumModule = {
  crypto_sign_verify_detached: () => false,
  crypto_sign_detached: () => undefined,
  crypto_hash_sha256: () => undefined,
};

/** A libsodium that says this of a point. */
const saying = (isValid: (point: Uint8Array) => boolean) => (): SodiumModule => ({
  ...withoutCheck,
  crypto_core_ed25519_is_valid_point: isValid,
});

const judged = (point: Uint8Array): boolean => findPointFault(point) === undefined;

describe('the fast check that a key is of prime order', () => {
  it('is tried on what our own arithmetic finds sound and unsound', () => {
    expect(findPointFault(fromHex(SOUND_POINT))).toBeUndefined();
    const faults = UNSOUND_POINTS.map((point) => findPointFault(fromHex(point)));
    expect(faults.filter((fault) => fault === 'mixed_order')).toHaveLength(7);
    expect(new Set(faults)).toEqual(new Set(['mixed_order', 'small_order', 'non_canonical', 'not_on_curve']));
    expect(faults).not.toContain(undefined);
  });

  it('is that of libsodium where it loads, and agrees with our own arithmetic', () => {
    if (loadSodium() === undefined) return;
    const check = selectPointCheck();
    expect(check(fromHex(SOUND_POINT))).toBe(true);
    for (const { publicKey } of vectors.unacceptableKeys) expect(check(fromHex(publicKey))).toBe(false);
    for (const { publicKey } of vectors.rfc8032) expect(check(fromHex(publicKey))).toBe(true);
  });

  it.each<[string, () => SodiumModule | undefined]>([
    ['is not there', () => undefined],
    ['has no such function', () => withoutCheck],
    ['takes every point', saying(() => true)],
    ['refuses every point', saying(() => false)],
    // CVE-2025-69277: with the point of order two added, only x was looked at.
    ['takes a point of order 2L', saying((point) => judged(point) || sameAs(point, UNSOUND_POINTS[0]))],
  ])('is none where libsodium %s', (_what, load) => {
    const check = selectPointCheck(load);
    expect(check(fromHex(SOUND_POINT))).toBe(false);
  });
});

function sameAs(point: Uint8Array, hex: string | undefined): boolean {
  return Buffer.from(point).toString('hex') === hex;
}
