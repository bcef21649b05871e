/** Sets that are followed: how often they are fetched, what is kept, and what a reload lets go of. */
import { jest } from '@jest/globals';
import type { KeySetAnswer } from '../../../../src/keys/key-sets/fetch-key-set.js';
import { KeySets } from '../../../../src/keys/key-sets/key-sets.js';
import { readKeySet } from '../../../../src/keys/key-sets/read-key-set.js';
import type { KeySetSettings } from '../../../../src/keys/key-sets/settings.js';
import { documentOf, sampleKey, settingsFor, type SampleKey } from './support.js';

const [one, two] = [sampleKey(1), sampleKey(2)];

function setOf(...keys: readonly SampleKey[]): KeySetAnswer {
  const read = readKeySet(documentOf(...keys));
  if (!read.ok) throw new Error(read.reason);
  return { kind: 'new', keys: read.keys, etag: '"v1"', maxAgeSeconds: undefined };
}

const AWAY: KeySetAnswer = { kind: 'failed', reason: 'refuses connections' };

let sets: KeySets;
let answers: Map<string, KeySetAnswer>;
let asked: { readonly url: string; readonly etag: string | undefined }[];
let changes = 0;

beforeEach(() => {
  jest.useFakeTimers({ now: 1_000_000 });
  answers = new Map();
  asked = [];
  changes = 0;
  sets = new KeySets({
    nowMs: () => Date.now(),
    random: () => 0,
    onChange: () => (changes += 1),
    onDefect: (error) => {
      throw error;
    },
    connect: ({ url }) => ({
      fetch: (etag) => {
        asked.push({ url, etag });
        return Promise.resolve(answers.get(url) ?? AWAY);
      },
      close: () => undefined,
    }),
  });
});
afterEach(() => {
  sets.close();
  jest.useRealTimers();
});

const settings = (changed: Partial<KeySetSettings> = {}): KeySetSettings => settingsFor([one, two], changed);
const after = (seconds: number): Promise<void> => jest.advanceTimersByTimeAsync(seconds * 1000);
const kidsOf = (set: KeySetSettings): string[] => [...sets.look(set).keys.values()].map(({ kid }) => kid);

test('a set is fetched at once, and then as often as it says, with the etag of what we have', async () => {
  const set = settings();
  answers.set(set.url, setOf(one));
  sets.follow([set]);
  expect(sets.look(set)).toMatchObject({ isPending: true, lastSuccessMs: undefined });
  await after(0);
  expect([kidsOf(set), changes, sets.pending]).toEqual([['k1'], 1, 0]);
  answers.set(set.url, { kind: 'unchanged', maxAgeSeconds: undefined });
  await after(299);
  expect(asked).toHaveLength(1);
  await after(1);
  expect(asked.map(({ etag }) => etag)).toEqual([undefined, '"v1"']);
  expect(sets.look(set)).toMatchObject({ lastSuccessMs: 1_300_000, version: 2 });
  expect(kidsOf(set)).toEqual(['k1']);
});

test.each([
  ['sooner', 60, 60],
  ['far sooner', 0, 10],
  ['later', 100_000, 300],
])('max-age makes it %s, within our bounds', async (_, maxAgeSeconds, seconds) => {
  const set = settings();
  answers.set(set.url, { ...setOf(one), maxAgeSeconds } as KeySetAnswer);
  sets.follow([set]);
  await after(seconds - 1);
  expect(asked).toHaveLength(1);
  await after(1);
  expect(asked).toHaveLength(2);
});

test('a server that is away is asked again, ever later up to a minute; what was good stays', async () => {
  const set = settings();
  answers.set(set.url, setOf(one));
  sets.follow([set]);
  await after(0);
  answers.set(set.url, AWAY);
  await after(300);
  expect(sets.look(set)).toMatchObject({ fault: 'refuses connections', lastSuccessMs: 1_000_000 });
  expect(kidsOf(set)).toEqual(['k1']);
  const before = asked.length;
  await after(600);
  expect(asked.length - before).toBeGreaterThan(15);
  expect(asked.length - before).toBeLessThan(30);
  answers.set(set.url, setOf(two));
  await after(60);
  expect([sets.look(set).fault, kidsOf(set)]).toEqual([undefined, ['k2']]);
  expect(sets.fetches.succeeded).toBe(2);
});

test('what is older than maxStaleSeconds is forgotten, and no etag speaks of it', async () => {
  const set = settings({ refreshSeconds: 10, maxStaleSeconds: 20 });
  answers.set(set.url, setOf(one));
  sets.follow([set]);
  await after(0);
  answers.set(set.url, AWAY);
  await after(30);
  expect(kidsOf(set)).toEqual([]);
  answers.set(set.url, { kind: 'unchanged', maxAgeSeconds: undefined });
  await after(10);
  expect(asked.at(-1)?.etag).toBeUndefined();
  expect(sets.look(set).fault).toContain('is forgotten');
});

test('identities that share a URL share its fetches; a set that a reload takes out is gone at once', async () => {
  const [a, b] = [settings(), settings({ identity: 'producer-b', refreshSeconds: 60 })];
  answers.set(a.url, setOf(one));
  sets.follow([a, b]);
  await after(0);
  expect([asked.length, kidsOf(a), kidsOf(b)]).toEqual([1, ['k1'], ['k1']]);
  await after(60);
  expect(asked).toHaveLength(2);
  sets.follow([a]);
  expect(kidsOf(a)).toEqual(['k1']);
  sets.follow([]);
  expect(kidsOf(a)).toEqual([]);
  const before = asked.length;
  await after(1_000);
  expect(asked).toHaveLength(before);
});

test('a key that is no point is unsound, and judged once', () => {
  const raw = new Uint8Array(32).fill(2);
  const key = {
    ...sampleKey(1),
    raw,
    thumbprint: 'unsound',
    notBeforeMs: 0,
    notAfterMs: 1,
    fault: undefined,
  };
  expect([sets.judge(key), sets.judge(key)]).toEqual([undefined, undefined]);
});

test('of one thousand servers that are away each has its turn', async () => {
  const many = Array.from({ length: 1_000 }, (_, at) => settings({ url: `https://p${at}.example/` }));
  sets.follow(many);
  await after(0);
  expect(new Set(asked.map(({ url }) => url)).size).toBe(1_000);
  expect(sets.pending).toBe(0);
});
