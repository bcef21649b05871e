/** The sources of a process from the settings to a signature, over sources in memory: what is opened, followed, told of and refused. */
import { Registry } from 'prom-client';
import type { RemoteFeedbackKey } from '../../../../src/feedback/feedback-key.js';
import type { KeySourceSettings } from '../../../../src/keys/settings.js';
import {
  remoteKeys,
  signRemotely,
  sourceOpener,
  startKeySources,
} from '../../../../src/serve/key-sources/open-key-sources.js';
import { LiveConfiguration } from '../../../../src/serve/reload/live-configuration.js';
import { loadSigning, vaultSource } from '../../../doctor/support/configured.js';
import { FakeKeySource, remoteKey } from '../../../support/fake-key-source.js';
import { until } from '../../../support/until.js';

const ended = remoteKey('ended', 'ended', { validity: { notBeforeMs: 0, notAfterMs: 1 } });
const own = remoteKey('own');
const root = remoteKey('root');
const MESSAGE = Buffer.from('message');

const configuration = (keys: readonly RemoteFeedbackKey[], sources = [vaultSource('fake', 1_000)]) =>
  loadSigning([{ keys, activeKid: undefined }], sources);

describe('the keys of a snapshot that sources are asked for', () => {
  test('are none without feedback', () => {
    expect(remoteKeys({ feedback: undefined }, 0)).toEqual([]);
  });

  test('are those that may still sign, roots among them, and those that are to come', () => {
    const next = remoteKey('next', 'next', { validity: { notBeforeMs: 9e15, notAfterMs: Infinity } });
    const delegation = { roots: { keys: [root], activeKid: undefined }, lifetimeMs: 1 };
    const domains = [
      { keys: [ended, own, next], activeKid: undefined },
      { keys: [], activeKid: undefined, delegation },
    ];
    const { snapshot } = loadSigning(domains, []);
    expect(remoteKeys(snapshot, 2).map(({ kid }) => kid)).toEqual(['own', 'next', 'root']);
    expect(remoteKeys(snapshot, 0).map(({ kid }) => kid)).toContain('ended');
  });
});

describe('a process', () => {
  let source: FakeKeySource;
  let events: string[];
  let registry: Registry;
  let started: Awaited<ReturnType<typeof startKeySources>> | undefined;
  beforeEach(() => {
    [source, events, registry] = [new FakeKeySource(), [], new Registry()];
  });
  afterEach(() => started?.close());

  const log = (level: string) => (members: object, message: string) =>
    void events.push(`${level} ${message} ${JSON.stringify(members)}`);
  const start = async (live: LiveConfiguration, open?: (one: KeySourceSettings) => FakeKeySource) => {
    const opening = startKeySources({
      live,
      registry,
      logger: { info: log('info'), error: log('error') } as never,
      life: { keySource: (event, members) => void events.push(`${event} ${JSON.stringify(members)}`) },
      open: (one) => Promise.resolve().then(() => (open === undefined ? source : open(one))),
    });
    started = await opening;
    return started;
  };

  test('without sources has no metrics of them, and signs with none', async () => {
    const signing = await start(new LiveConfiguration(configuration([own], [])));
    expect(registry.getMetricsAsArray()).toEqual([]);
    expect(await signRemotely(signing, own, MESSAGE, 'tenant')).toEqual({
      kind: 'refused',
      code: 'signer_unavailable',
      detail: 'the source fake: is not open',
    });
  });

  test('tells log and audit log of a key that does not sign, and why, and that it signs again', async () => {
    source.conducts.set('own', { fault: 'refused' });
    const signing = await start(new LiveConfiguration(configuration([own])));
    await until('it is told of', () => events.length === 2);
    expect(events).toEqual([
      'error A KEY OF A SOURCE DOES NOT SIGN: its answers are withheld {"kid":"own","source":"fake","reason":"says refused"}',
      'key_source.fault {"source":"fake","kid":"own","reason":"says refused"}',
    ]);
    expect(await signRemotely(signing, own, MESSAGE, 'tenant')).toMatchObject({
      code: 'signer_unavailable',
      detail: 'the source fake: says refused',
    });
    source.conducts.delete('own');
    await until('it signs again', () => events.length === 4);
    expect(events.slice(2)).toEqual([
      'info a key of a source signs {"kid":"own","source":"fake"}',
      'key_source.recovered {"source":"fake","kid":"own"}',
    ]);
    expect(await signRemotely(signing, own, MESSAGE, 'tenant')).toHaveLength(64);
    expect(await registry.metrics()).toContain(
      'countersign_key_source_signatures_total{source="fake",result="signed"} 1',
    );
  });

  test('follows reloads, and asks for no key that has ended', async () => {
    const live = new LiveConfiguration(configuration([ended, own]));
    const signing = await start(live);
    expect(signing.look().map(({ kid }) => kid)).toEqual(['own']);
    live.swap(configuration([root]));
    expect(signing.look().map(({ kid }) => kid)).toEqual(['root']);
  });

  test('does not begin where a source never can be opened, and lets go of those that were', async () => {
    const live = new LiveConfiguration(
      configuration([own], [vaultSource('fake', 1_000), vaultSource('other', 1_000)]),
    );
    const opening = start(live, ({ name }) => {
      if (name === 'other') throw new Error('has no authority');
      return source;
    });
    await expect(opening).rejects.toThrow('has no authority');
    expect(await source.publicKey(own.reference)).toMatchObject({ ok: false, reason: 'is closed' });
  });
});

test('a Vault of the field is opened without a word to it, and one whose token is not there is away', async () => {
  const warnings: string[] = [];
  const open = sourceOpener({
    warn: (_members: unknown, message?: string) => void warnings.push(message ?? ''),
  });
  const source = await open({ ...vaultSource('transit', 50), url: 'https://127.0.0.1:1' });
  expect(await source.publicKey({ source: 'transit', key: 'k', version: 1 })).toMatchObject({
    ok: false,
    fault: 'away',
    reason: expect.stringMatching(/^cannot be asked: the file \/nowhere /) as string,
  });
  await source.close();
});
