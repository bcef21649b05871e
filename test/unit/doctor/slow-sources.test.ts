import type { SigningDomain } from '../../../src/feedback/feedback-settings.js';
import { loadSigning, loadWithSource, vaultSource } from '../../doctor/support/configured.js';
import { filter, manager, named, tree, type Tree } from '../../doctor/support/document.js';
import { GOOD_FRONT } from '../../doctor/corpus/processor-mutations.js';
import { verdictOn } from '../../doctor/support/judged.js';
import { ourBootstrap } from '../../doctor/support/running-envoy.js';
import { remoteKey } from '../../support/fake-key-source.js';

/** What is said of slow sources; `wait`: `message_timeout` of the signer, which ours has with 1.5 s. */
function said(configuration: ReturnType<typeof loadSigning>, wait?: string): (string | undefined)[] {
  const bootstrap = ourBootstrap();
  if (wait !== undefined) filter(bootstrap, 'ext_proc')['message_timeout'] = tree(wait);
  return findingsOn(bootstrap, configuration);
}

function findingsOn(bootstrap: Tree, configuration: ReturnType<typeof loadSigning>): (string | undefined)[] {
  const { findings } = verdictOn(bootstrap, { configuration, nowMs: Date.now() });
  return findings.filter(({ rule }) => rule.id === 'CSD136').map(({ detail }) => detail);
}

const domain = (...keys: SigningDomain['keys']): SigningDomain => ({ keys, activeKid: undefined });
const [hsm, transit] = [vaultSource('hsm', 2000), vaultSource('transit', 900)];
const ofHsm = remoteKey('a', 'a', { source: 'hsm' });
const ofTransit = remoteKey('b', 'b', { source: 'transit' });

test.each([
  ['as we render it, for the slowest that the loader takes', 1000, undefined, 0],
  ['as long as the source and its queue may take', 1000, '1.5s', 0],
  ['a millisecond less', 1000, '1.499s', 1],
  ['longer than the check, and not longer than the source with its queue', 2000, undefined, 1],
  ['a fast source', 100, '1.2s', 0],
])('a time-out %s (source %d ms, message_timeout %p)', (_title, milliseconds, wait, count) => {
  expect(said(loadWithSource(milliseconds), wait)).toHaveLength(count);
});

test('the slowest of all is named, with what to give', () => {
  expect(said(loadSigning([domain(ofTransit), domain(ofHsm)], [transit, hsm]))).toEqual([
    'Envoy waits 1500 ms, and keys.sources.hsm.timeoutMilliseconds is 2000: give 2.5s or more',
  ]);
});

test.each<[string, SigningDomain]>([
  ['a source that no key is of', domain(ofTransit)],
  [
    'a root key, which signs no answer',
    { keys: [], activeKid: undefined, delegation: { roots: domain(ofHsm), lifetimeMs: 1 } },
  ],
  [
    'a key that has ended',
    domain(remoteKey('a', 'a', { source: 'hsm', validity: { notBeforeMs: 0, notAfterMs: 1 } })),
  ],
])('nothing is said of %s', (_title, only) => {
  expect(said(loadSigning([only], [transit, hsm]))).toEqual([]);
});

test('an ext_proc that asks about requests alone signs nothing; one that shows answers does', () => {
  const bootstrap = ourBootstrap();
  GOOD_FRONT(bootstrap);
  expect(findingsOn(bootstrap, loadWithSource(1000))).toEqual([]);
  named(manager(bootstrap)['http_filters']!, 'front')['typed_config']!['processing_mode'] = tree({
    request_header_mode: 'SEND',
    request_body_mode: 'BUFFERED',
    response_header_mode: 'SEND',
    response_body_mode: 'BUFFERED',
  });
  expect(findingsOn(bootstrap, loadWithSource(1000))).toHaveLength(1);
});

test('without a configuration nothing is said', () => {
  const { findings } = verdictOn(ourBootstrap());
  expect(findings).toEqual([]);
});
