import { loadSodium, type SodiumModule } from '../../../src/crypto/engines.js';
import { findPointFault } from '../../../src/crypto/edwards-point.js';
import { selectPointProof, soundPoint, unsoundPoints } from '../../../src/crypto/point-proof.js';
import { fromHex, vectors } from './support.js';

const withoutProof: SodiumModule = {
  crypto_sign_verify_detached: () => false,
  crypto_sign_detached: () => undefined,
  crypto_hash_sha256: () => undefined,
};

/** A libsodium that says this of a point. */
const saying = (isValid: (point: Uint8Array) => boolean) => (): SodiumModule => ({
  ...withoutProof,
  crypto_core_ed25519_is_valid_point: isValid,
});

const judged = (point: Uint8Array): boolean => findPointFault(point) === undefined;

describe('the proof that a key is of prime order', () => {
  it('is tried on what our own arithmetic finds sound and unsound', () => {
    expect(findPointFault(fromHex(soundPoint))).toBeUndefined();
    const faults = unsoundPoints.map((point) => findPointFault(fromHex(point)));
    expect(faults.filter((fault) => fault === 'mixed_order')).toHaveLength(7);
    expect(new Set(faults)).toEqual(new Set(['mixed_order', 'small_order', 'non_canonical', 'not_on_curve']));
    expect(faults).not.toContain(undefined);
  });

  it('is that of libsodium where it loads, and agrees with our own arithmetic', () => {
    if (loadSodium() === undefined) return;
    const proof = selectPointProof();
    expect(proof(fromHex(soundPoint))).toBe(true);
    for (const { publicKey } of vectors.unacceptableKeys) expect(proof(fromHex(publicKey))).toBe(false);
    for (const { publicKey } of vectors.rfc8032) expect(proof(fromHex(publicKey))).toBe(true);
  });

  it.each<[string, () => SodiumModule | undefined]>([
    ['is not there', () => undefined],
    ['has no such function', () => withoutProof],
    ['takes every point', saying(() => true)],
    ['refuses every point', saying(() => false)],
    // CVE-2025-69277: with the point of order two added, only x was looked at.
    ['takes a point of order 2L', saying((point) => judged(point) || sameAs(point, unsoundPoints[0]))],
  ])('is none where libsodium %s', (_what, load) => {
    const proof = selectPointProof(load);
    expect(proof(fromHex(soundPoint))).toBe(false);
  });
});

function sameAs(point: Uint8Array, hex: string | undefined): boolean {
  return Buffer.from(point).toString('hex') === hex;
}
