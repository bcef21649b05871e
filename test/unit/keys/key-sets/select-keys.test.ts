import { restorePublicKey } from '../../../../src/crypto/public-key.js';
import { readKeySet } from '../../../../src/keys/key-sets/read-key-set.js';
import { selectKeys, type FetchedSet, type KeyJudge } from '../../../../src/keys/key-sets/select-keys.js';
import type { KeySetSettings } from '../../../../src/keys/key-sets/settings.js';
import type { VerificationKey } from '../../../../src/verify/snapshot.js';
import { documentOf, sampleKey, settingsFor, type SampleKey } from './support.js';

const [one, two, three] = [sampleKey(1), sampleKey(2), sampleKey(3)];
const sound: KeyJudge = { judge: ({ raw }) => restorePublicKey(raw), otherUseOf: () => undefined };
const STALE_MS = 5_000_000;

function fetched(settings: KeySetSettings, ...keys: readonly SampleKey[]): FetchedSet {
  const read = readKeySet(documentOf(...keys));
  if (!read.ok) throw new Error(read.reason);
  return { settings, published: new Map(read.keys.map((key) => [key.thumbprint, key])), staleMs: STALE_MS };
}

const configured = (key: SampleKey, kid = key.kid): VerificationKey => ({
  kid,
  purposes: ['request'],
  publicKey: key.privateKey.publicKey,
  notBeforeMs: -Infinity,
  notAfterMs: Infinity,
});

const kidsOf = (keys: readonly { readonly kid: string }[] = []) => keys.map(({ kid }) => kid);

describe('the keys of a set that count', () => {
  test('are those whose thumbprints are pinned, until the set is stale', () => {
    const settings = settingsFor([one, three], { purposes: ['bundle'] });
    const [selected] = selectKeys([fetched(settings, one, two)], [], sound);
    expect(selected).toEqual({
      keys: [
        {
          kid: 'k1',
          purposes: ['bundle'],
          publicKey: one.privateKey.publicKey,
          notBeforeMs: -Infinity,
          notAfterMs: STALE_MS,
          fetched: { url: settings.url, notAfterMs: Infinity },
        },
      ],
      refused: [],
    });
  });

  test('a key that says when it ends, ends then', () => {
    const timed = sampleKey(1, { nbf: 100, exp: 200 });
    const [selected] = selectKeys([fetched(settingsFor([timed]), timed)], [], sound);
    expect(selected?.keys).toMatchObject([
      { notBeforeMs: 100_000, notAfterMs: 200_000, fetched: { notAfterMs: 200_000 } },
    ]);
  });

  test('a kid of the configuration is not taken from it', () => {
    const [selected] = selectKeys(
      [fetched(settingsFor([one, two]), one, two)],
      [configured(three, 'k1')],
      sound,
    );
    expect(kidsOf(selected?.keys)).toEqual(['k2']);
    expect(selected?.refused).toMatchObject([{ kid: 'k1', thumbprint: one.thumbprint }]);
    expect(selected?.refused[0]?.reason).toContain('the configuration');
  });

  test('of two keys with one kid, that of the thumbprint that stands first has it', () => {
    const namesake = sampleKey(2, { kid: 'k1' });
    const [selected] = selectKeys([fetched(settingsFor([one, two]), namesake, one)], [], sound);
    expect(selected?.keys.map(({ publicKey }) => publicKey.fingerprint)).toEqual([
      one.privateKey.publicKey.fingerprint,
    ]);
    expect(selected?.refused).toMatchObject([{ thumbprint: two.thumbprint }]);
    const sets = [fetched(settingsFor([one]), one), fetched(settingsFor([two]), namesake)];
    expect(selectKeys(sets, [], sound).map(({ keys }) => keys.length)).toEqual([1, 0]);
  });

  test('an unpinned key with the kid of a pinned one takes nothing from it', () => {
    const [selected] = selectKeys([fetched(settingsFor([one]), sampleKey(9, { kid: 'k1' }), one)], [], sound);
    expect(kidsOf(selected?.keys)).toEqual(['k1']);
  });

  test('no key that is unsound, faulty or for something else', () => {
    const faulty = sampleKey(3, { d: 'AAAA' });
    const judge: KeyJudge = {
      judge: (key) => (key.kid === 'k1' ? undefined : sound.judge(key)),
      otherUseOf: () => 'the feedback key "fb"',
    };
    const [selected] = selectKeys([fetched(settingsFor([one, two, three]), one, two, faulty)], [], judge);
    expect(selected?.keys).toEqual([]);
    expect(selected?.refused.map(({ reason }) => reason)).toEqual([
      'is no sound Ed25519 key',
      'is the feedback key "fb"',
      expect.stringContaining('private half'),
    ]);
  });
});
