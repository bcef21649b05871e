import { fastVerifier } from '../../../src/crypto/engines.js';
import type { KeyObserver } from '../../../src/keys/guarded-key.js';
import type { KeySourceAnswer } from '../../../src/keys/key-source.js';
import { SigningSources } from '../../../src/keys/signing-sources.js';
import type { PinnedKey } from '../../../src/keys/test-key.js';
import { FakeKeySource, pairOf, remoteKey, type Conduct } from '../../support/fake-key-source.js';
import { until } from '../../support/until.js';

const MESSAGE = Buffer.from('tenant|1764000000|nonce|feedback.response.v1|kid|[]');
const verifier = fastVerifier();
const own = remoteKey('own');
const other = remoteKey('other');

let source: FakeKeySource;
let sources: SigningSources;
let events: string[];
let results: string[];
beforeEach(() => {
  source = new FakeKeySource();
  [events, results] = [[], []];
});
afterEach(() => sources.close());

const observer: KeyObserver = {
  up: ({ kid }) => void events.push(`${kid} up`),
  down: ({ kid }, reason) => void events.push(`${kid} down: ${reason}`),
  result: ({ kid }, result) => void results.push(`${kid} ${result}`),
};
const open = (
  keys: readonly PinnedKey[] = [own],
  timeoutMilliseconds = 5_000,
  opened: readonly FakeKeySource[] = [source],
  firstRestMilliseconds = 5,
): void => {
  sources = new SigningSources({
    sources: opened.map((each) => ({ source: each, timeoutMilliseconds })),
    verifier,
    observer,
    monotonicMs: () => performance.now(),
    firstRestMilliseconds,
  });
  sources.follow(keys);
};
const stateOf = (kid: string) => sources.look().find((key) => key.kid === kid)?.state;
const isUp = (kid: string) => until(`${kid} is up`, () => stateOf(kid) === 'up');
const isDown = (kid: string) => until(`${kid} is down`, () => stateOf(kid) === 'down');
const sign = (key: PinnedKey = own, tenant = 'tenant') => sources.sign(key, MESSAGE, tenant);
const holds = (answer: KeySourceAnswer, key: PinnedKey = own): boolean =>
  answer.ok && verifier.verify(key.publicKey, MESSAGE, answer.bytes);

describe('a key of a source', () => {
  test('signs once it was tested, and whoever asks before waits for the test', async () => {
    open();
    expect(stateOf('own')).toBe('untested');
    expect(holds(await sign())).toBe(true);
    expect(events).toEqual(['own up']);
    expect(results).toEqual(['own signed']);
  });

  test.each<[Conduct, string]>([
    ['has another public half', 'has another public half than the one that is pinned'],
    ['signs with another key', 'gave a signature that does not verify with the pinned key'],
    ['signs something else', 'gave a signature that does not verify with the pinned key'],
    ['gives 63 bytes', 'gave a signature that does not verify with the pinned key'],
    ['gives 65 bytes', 'gave a signature that does not verify with the pinned key'],
    ['rejects', 'failed by a defect'],
    [{ fault: 'refused' }, 'says refused'],
    [{ fault: 'away' }, 'says away'],
  ])('signs nothing for anybody where its source %p, until that is over', async (conduct, reason) => {
    source.conducts.set('own', conduct);
    open();
    const waited = await sign();
    expect(waited).toEqual({ ok: false, fault: 'away', reason });
    expect(await sign()).toEqual(waited);
    expect(events).toEqual([`own down: ${reason}`]);
    source.conducts.delete('own');
    await isUp('own');
    expect(holds(await sign())).toBe(true);
    expect(events).toEqual([`own down: ${reason}`, 'own up']);
  });

  test.each<Conduct>(['signs with another key', 'signs something else', 'gives 63 bytes', 'gives 65 bytes'])(
    'that is up and then %s is not asked again before it was tested, and nothing of it leaves',
    async (conduct) => {
      open();
      await isUp('own');
      source.conducts.set('own', conduct);
      expect(await sign()).toMatchObject({ ok: false, fault: 'refused' });
      const asked = source.asked.length;
      expect(stateOf('own')).toBe('down');
      expect(await sign()).toMatchObject({ ok: false, fault: 'away' });
      expect(source.asked.length - asked).toBeLessThanOrEqual(1);
      expect(results).toEqual(['own wrong_signature', 'own away']);
      source.conducts.delete('own');
      await isUp('own');
    },
  );

  test('is not asked any more after five faults in a row, and comes back by itself', async () => {
    open();
    await isUp('own');
    source.conducts.set('own', { fault: 'away' });
    for (let time = 1; time <= 4; time++) await sign();
    expect(stateOf('own')).toBe('up');
    await sign();
    expect(stateOf('own')).toBe('down');
    source.conducts.delete('own');
    await isUp('own');
    expect(holds(await sign())).toBe(true);
    expect(events.at(-1)).toBe('own up');
  });

  test('goes on after a fault between two signatures, and where its source has too much to do', async () => {
    open();
    await isUp('own');
    for (let time = 1; time <= 20; time++) {
      source.conducts.set('own', { fault: time % 2 === 0 ? 'overloaded' : 'too_large' });
      await sign();
    }
    source.conducts.delete('own');
    expect(holds(await sign())).toBe(true);
    expect(events).toEqual(['own up']);
  });

  test('that hangs is given up at its deadline, and is well again when its source is', async () => {
    open([own], 20);
    await isUp('own');
    source.conducts.set('own', 'hangs');
    const asked = await Promise.all(Array.from({ length: 8 }, () => sign()));
    for (const answer of asked) expect(answer).toMatchObject({ ok: false, fault: 'away' });
    await isDown('own');
    source.conducts.delete('own');
    source.release();
    await isUp('own');
    expect(holds(await sign())).toBe(true);
  });

  test('that is late and then away for another reason is told of for each reason, once while it is down', async () => {
    open([own], 20);
    await isUp('own');
    source.conducts.set('own', 'hangs');
    await Promise.all(Array.from({ length: 5 }, () => sign()));
    await isDown('own');
    const tested = async (conduct: Conduct, reason: string): Promise<void> => {
      source.conducts.set('own', conduct);
      source.release();
      await until(reason, () => sources.look()[0]?.reason === reason);
      const times = source.keysAsked;
      await until('it was tested again', () => source.keysAsked > times + 1);
    };
    await tested({ fault: 'away' }, 'says away');
    await tested({ fault: 'refused' }, 'says refused');
    await tested({ fault: 'away' }, 'says away');
    expect(events.filter((event) => !event.includes('within 40 ms'))).toEqual([
      'own up',
      'own down: has not answered within 20 ms',
      'own down: says away',
      'own down: says refused',
    ]);
    source.conducts.delete('own');
    await isUp('own');
    source.conducts.set('own', { fault: 'away' });
    for (let time = 1; time <= 5; time++) await sign();
    expect(events.slice(-2)).toEqual(['own up', 'own down: says away']);
  });

  test('of a source that never comes to an end with anything is asked only so often', async () => {
    open([own], 5);
    await isUp('own');
    source.conducts.set('own', 'hangs');
    await Promise.all(Array.from({ length: 8 }, () => sign()));
    await until(
      'it is left alone',
      () => sources.look()[0]?.reason === 'has not come to an end with what it was asked',
    );
    source.conducts.delete('own');
    source.release();
    await isUp('own');
  });

  test('takes nothing that is longer than its source signs', async () => {
    open();
    await isUp('own');
    expect(await sources.sign(own, Buffer.alloc(65_537), 't')).toMatchObject({
      ok: false,
      fault: 'too_large',
    });
    expect(source.asked).toEqual(['own']);
  });

  test('asks for no more than a few signatures at once, and refuses what more than may would wait', async () => {
    open([own], 60_000);
    await isUp('own');
    source.conducts.set('own', 'hangs');
    const asked = Array.from({ length: 8 + 64 }, () => sign());
    const tooMany = await sign();
    expect(tooMany).toMatchObject({ ok: false, fault: 'overloaded' });
    expect([source.mostUnderWay, sources.look()[0]?.waiting]).toEqual([8, 64]);
    source.conducts.set('own', { fault: 'away' });
    source.release();
    const answers = await Promise.all(asked);
    expect(answers.filter(({ ok }) => ok)).toEqual([]);
  });

  test('whose source is slow is waited for no longer than may be', async () => {
    open([own], 60_000);
    await isUp('own');
    source.conducts.set('own', 'hangs');
    void Promise.all(Array.from({ length: 8 }, () => sign()));
    expect(await sign()).toEqual({ ok: false, fault: 'overloaded', reason: 'did not come to it in time' });
  });
});

describe('beside a key that', () => {
  test.each<Conduct>([
    'hangs',
    'signs with another key',
    'rejects',
    { fault: 'away' },
    { slowMilliseconds: 300 },
  ])('%p, another one of the same source signs all that it is asked for', async (conduct) => {
    open([own, other], 60_000);
    await Promise.all([isUp('own'), isUp('other')]);
    source.conducts.set('own', conduct);
    const bad = Array.from({ length: 200 }, () => sign(own));
    const good = await Promise.all(Array.from({ length: 64 }, () => sign(other)));
    expect(good.filter((answer) => !holds(answer, other))).toEqual([]);
    source.release();
    source.conducts.delete('own');
    await Promise.all(bad);
    expect(results.filter((result) => result === 'other signed')).toHaveLength(64);
  });

  test('is never tested to an end, others are tested and come up', async () => {
    const hanging = Array.from({ length: 15 }, (_, at) => remoteKey(`hangs-${at}`));
    for (const { kid } of hanging) source.conducts.set(kid, 'hangs');
    open([...hanging, own, other], 60_000);
    await Promise.all([isUp('own'), isUp('other')]);
    expect(holds(await sign(other), other)).toBe(true);
  });
});

describe('a reload', () => {
  test('brings keys, asks nothing of those that stay, and lets those that go sign to the end', async () => {
    open([own]);
    await isUp('own');
    sources.follow([own, other]);
    await isUp('other');
    // Those that stay would have been tested together with it.
    expect(source.asked).toEqual(['own', 'other']);
    sources.follow([other]);
    expect(sources.look().map(({ kid }) => kid)).toEqual(['other']);
    expect(holds(await sign(own))).toBe(true);
    sources.follow([own]);
    expect(holds(await sign(own))).toBe(true);
  });

  test('asks a source with many keys that sign for nothing', async () => {
    const keys = Array.from({ length: 200 }, (_, at) => remoteKeyFast(at));
    open(keys, 60_000);
    await until('all are up', () => sources.look().every(({ state }) => state === 'up'));
    sources.follow([...keys].reverse());
    expect([source.underWay, source.keysAsked]).toEqual([0, 200]);
    expect(sources.look().every(({ state }) => state === 'up')).toBe(true);
  }, 90_000);

  test('that brings another token has the keys of that source tested, and of no other one', async () => {
    const elsewhere = new FakeKeySource('elsewhere');
    const there = remoteKey('there', 'there', { source: 'elsewhere' });
    open([own, there], 5_000, [source, elsewhere]);
    await Promise.all([isUp('own'), isUp('there')]);
    source.tokens += 1;
    source.conducts.set('own', { fault: 'refused' });
    sources.follow([own, there]);
    await isDown('own');
    source.conducts.delete('own');
    await isUp('own');
    const asked = source.keysAsked;
    sources.follow([own, there]);
    expect([source.keysAsked, elsewhere.keysAsked]).toEqual([asked, 1]);
  });

  test('tests a key that is down, before its rest is over', async () => {
    source.conducts.set('own', { fault: 'away' });
    open([own, other], 5_000, [source], 60_000);
    await Promise.all([isDown('own'), isUp('other')]);
    source.conducts.delete('own');
    sources.follow([own, other]);
    await isUp('own');
    expect(source.asked).toEqual(['other', 'own']);
  });

  test('tests a key whose last signature failed, though it is up', async () => {
    open([own]);
    await isUp('own');
    source.conducts.set('own', { fault: 'refused' });
    await sign();
    expect(stateOf('own')).toBe('up');
    sources.follow([own]);
    await isDown('own');
  });

  test('tests a key that had gone and comes back', async () => {
    open([own]);
    await isUp('own');
    sources.follow([]);
    source.conducts.set('own', { fault: 'refused' });
    sources.follow([own]);
    await isDown('own');
  });

  test('to another version of a key is another key, tested by itself', async () => {
    open([own]);
    await isUp('own');
    const next = remoteKey('own', 'own', { version: 2 });
    sources.follow([next]);
    expect(stateOf('own')).toBe('untested');
    const answer = await sign(next);
    expect(answer.ok && verifier.verify(pairOf('own', 2).publicKey, MESSAGE, answer.bytes)).toBe(true);
    expect(holds(await sign(own))).toBe(true);
  });

  test('that finds a key gone takes it down, as at the start', async () => {
    open([own]);
    await isUp('own');
    source.conducts.set('own', 'has another public half');
    source.tokens += 1;
    sources.follow([own]);
    await isDown('own');
    expect(events).toEqual(['own up', 'own down: has another public half than the one that is pinned']);
  });
});

test('what is not configured signs nothing', async () => {
  open([]);
  expect(await sign(remoteKey('unknown'))).toMatchObject({ ok: false, fault: 'away' });
  sources.follow([remoteKey('elsewhere', 'k', { source: 'constructor' })]);
  expect(sources.look()).toEqual([]);
});

test('three hundred keys are tested a few at a time', async () => {
  const keys = Array.from({ length: 300 }, (_, at) => ({ ...remoteKeyFast(at) }));
  open(keys, 60_000);
  await until('all are up', () => sources.look().every(({ state }) => state === 'up'));
  expect(source.mostUnderWay).toBeLessThanOrEqual(16);
}, 90_000);

const shared = remoteKey('shared');
const remoteKeyFast = (at: number): PinnedKey => ({
  kid: `k-${at}`,
  reference: shared.reference,
  publicKey: shared.publicKey,
});

test('after the end nothing is signed, and nobody waits', async () => {
  open([own], 60_000);
  await isUp('own');
  source.conducts.set('own', 'hangs');
  const asked = Array.from({ length: 20 }, () => sign());
  await sources.close();
  expect((await Promise.all(asked)).filter(({ ok }) => ok)).toEqual([]);
  expect(await sign()).toMatchObject({ ok: false, fault: 'away' });
});
