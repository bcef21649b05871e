/** The note of key sets, and their keys on the page, as an operator reads them. */
import { keySetsHealth, type KeySetState } from '../../../src/observability/key-sets-view.js';
import { listIdentities } from '../../../src/observability/page/identity-list.js';
import type { Identity, VerificationKey } from '../../../src/verify/snapshot.js';
import { sampleKey, settingsFor } from '../keys/key-sets/support.js';

const NOW_MS = 1_764_000_000_000;
const sample = sampleKey(7);
const settings = settingsFor([sample]);

function keyUntil(staleMs: number): VerificationKey {
  const { publicKey } = sample.privateKey;
  const fetched = { url: settings.url, notAfterMs: Infinity };
  return {
    kid: 'k7',
    purposes: ['request'],
    publicKey,
    notBeforeMs: -Infinity,
    notAfterMs: staleMs,
    fetched,
  };
}

function noteOf(...changes: readonly Partial<KeySetState>[]): string | undefined {
  const state = { settings, keys: [], refused: [], lastSuccessMs: NOW_MS, staleMs: Infinity };
  const states = changes.map((change) => ({ ...state, fault: undefined, isPending: false, ...change }));
  const look = { states: () => states, fetches: { succeeded: 1, failed: 0 }, awaited: () => 0 };
  return keySetsHealth(look, () => NOW_MS).note?.();
}

it.each<[string, Partial<KeySetState>, string]>([
  ['no pinned key in it', {}, '1 of 2 give no key that counts, such as URL: no pinned key is published'],
  [
    'a key that is refused',
    { refused: [{ kid: 'k7', thumbprint: '', reason: 'is no key' }] },
    '1 of 2 give no key that counts, such as URL: k7 is no key',
  ],
  [
    'a server that is away, and keys that count',
    { fault: 'is away', keys: [keyUntil(Infinity)] },
    '1 of 2 cannot be fetched, such as URL: its server is away',
  ],
  [
    'a server that is away for too long',
    { fault: 'is away', keys: [keyUntil(NOW_MS)] },
    '1 of 2 cannot be fetched, 1 of 2 give no key that counts, such as URL: its server is away',
  ],
])('the note of a set with %s says so alone', (_, change, words) => {
  const note = `${words.replace('URL', `${settings.url} of producer-a`)}; see /status`;
  expect(noteOf({ keys: [keyUntil(Infinity)] }, change)).toBe(note);
});

it('there is no note where all is well', () => {
  expect(noteOf({ keys: [keyUntil(Infinity)] })).toBeUndefined();
});

it.each([
  [NOW_MS + 1, true],
  [NOW_MS, false],
])(
  'a key of a set is shown with the set and with its own end, not with that of the fetch (%s)',
  async (staleMs, isValid) => {
    const identity = { name: 'producer-a', revoked: false, keys: [keyUntil(staleMs)], pins: [] };
    const identities = new Map([[identity.name, identity as unknown as Identity]]);
    const page = await listIdentities(identities, { find: '', state: 'all', from: 0 }, NOW_MS);
    const [key] = page.identities[0]?.keys ?? [];
    expect(key).toMatchObject({ kid: 'k7', keySet: settings.url, isValid });
    expect(key?.notAfterMs).toBeUndefined();
  },
);
