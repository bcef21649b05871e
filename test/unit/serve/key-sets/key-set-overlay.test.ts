/** What key sets put over a configuration: a reload keeps what it has no word about, and touches no other identity. */
import { KeySetOverlay } from '../../../../src/serve/key-sets/key-set-overlay.js';
import { LiveConfiguration } from '../../../../src/serve/reload/live-configuration.js';
import { readKeySet } from '../../../../src/keys/key-sets/read-key-set.js';
import { allKeys } from '../../../../src/feedback/feedback-settings.js';
import { restorePublicKey } from '../../../../src/crypto/public-key.js';
import {
  configurationText,
  createWorkspace,
  feedback,
  identity,
  keySet,
  loaded,
  type Workspace,
} from '../../config/workspace.js';
import { documentOf, sampleKey } from '../../keys/key-sets/support.js';

let workspace: Workspace;
beforeEach(() => (workspace = createWorkspace()));
afterEach(() => workspace.remove());

const key = sampleKey(7);
const other = identity({ name: 'producer-b', certificates: [{ sha256: 'b'.repeat(64) }] });
const withSet = (thumbprint = key.thumbprint) =>
  loaded(
    workspace.load(
      configurationText({
        identities: [identity({ keySets: [keySet({ thumbprints: [thumbprint] })] }), other],
      }),
    ),
  );

test('keys of a set are those of its identity from the fetch on, over reloads, until its thumbprint is taken out', () => {
  const read = readKeySet(documentOf(key));
  const keys = new Map((read.ok ? read.keys : []).map((one) => [one.thumbprint, one]));
  let version = 0;
  const overlay = new KeySetOverlay({
    follow: () => undefined,
    judge: ({ raw }) => restorePublicKey(raw),
    look: () => ({
      keys: version === 0 ? new Map() : keys,
      lastSuccessMs: version === 0 ? undefined : 1_000_000,
      fault: undefined,
      isPending: version === 0,
      version,
    }),
  });
  const live = new LiveConfiguration(withSet());
  const extend = overlay.extend.bind(overlay);
  const kids = () => live.snapshot.identities.get('producer-a')?.keys.map(({ kid }) => kid);
  live.extendBy(extend);
  expect(kids()).toEqual(['k1']);
  version = 1;
  live.extendBy(extend);
  expect(kids()).toEqual(['k1', 'k7']);
  expect(live.snapshot.identities.get('producer-a')?.keys[1]?.notAfterMs).toBe(1_000_000 + 86_400_000);
  expect(live.snapshot.identities.get('producer-b')).toBe(live.loaded.snapshot.identities.get('producer-b'));
  expect([...live.snapshot.identities.keys()]).toEqual(['producer-a', 'producer-b']);
  expect([...live.snapshot.identities.values()].map(({ keys: { length } }) => length)).toEqual([2, 1]);
  live.swap(withSet());
  expect(kids()).toEqual(['k1', 'k7']);
  live.swap(withSet(sampleKey(8).thumbprint));
  expect(kids()).toEqual(['k1']);
  live.swap(loaded(workspace.load(configurationText())));
  expect([kids(), overlay.inForce]).toEqual([['k1'], []]);
});

test.each([
  ['a feedback key', {}],
  ['a root key', { delegation: { lifetime: '24h' } }],
])('%s counts for no request, whatever the loader let pass', (_, changes) => {
  const configuration = loaded(
    workspace.load(
      configurationText({
        identities: [identity({ keySets: [keySet({ thumbprints: [key.thumbprint] })] }), other],
        policies: [{ name: 'feedback', profile: 'federation.feedback-query' }],
        feedback: feedback(changes),
      }),
    ),
  );
  const { kid, thumbprint, privateKey } = key;
  const { raw } = privateKey.publicKey;
  const published = { kid, thumbprint, raw, notBeforeMs: 0, notAfterMs: Infinity, fault: undefined };
  const [signing] = allKeys(configuration.snapshot.feedback!);
  const overlay = new KeySetOverlay({
    follow: () => undefined,
    judge: () => signing!.publicKey,
    look: () => ({
      keys: new Map([[key.thumbprint, published]]),
      lastSuccessMs: 1_000_000,
      fault: undefined,
      isPending: false,
      version: 1,
    }),
  });
  const { keys } = overlay.extend(configuration).snapshot.identities.get('producer-a')!;
  expect(keys.map(({ kid }) => kid)).toEqual(['k1']);
  expect(overlay.inForce[0]?.refused).toMatchObject([{ reason: `is the feedback key "${signing!.kid}"` }]);
});
