import { jest } from '@jest/globals';
import { keyringFromDelegation } from '../../../../src/client/feedback/delegation.js';
import { keyringFromMap } from '../../../../src/client/feedback/keyring.js';
import { fastVerifier } from '../../../../src/crypto/engines.js';
import { generateKeyPair } from '../../../../src/crypto/private-key.js';
import { encodePublicKey } from '../../../../src/crypto/public-key.js';
import { selectSigner } from '../../../../src/crypto/signing.js';
import { LocalFeedbackKey, type FeedbackKey } from '../../../../src/feedback/feedback-key.js';
import { activeKeyOf, type FeedbackSettings } from '../../../../src/feedback/feedback-settings.js';
import { DelegatedKeys } from '../../../../src/keys/delegation/delegated-keys.js';
import { ownTurns, Paced } from '../../../../src/keys/delegation/pace.js';
import type { DelegationOutcome, DelegationTools } from '../../../../src/keys/delegation/delegated-domain.js';
import type { KeySourceAnswer } from '../../../../src/keys/key-source.js';
import { OTHER_TENANT, TENANT } from '../../../support/signed-feedback.js';
import { feedbackKey, feedbackSettings } from '../../../support/signing.js';

const START_MS = 1_764_000_000_250;
const LIFETIME_MS = 400_000;
const signer = selectSigner();
const pair = generateKeyPair(new Uint8Array(32).fill(7));
const always = { notBeforeMs: -Infinity, notAfterMs: Infinity };

type Sign = DelegationTools['sign'];
const signWell: Sign = (root, message) =>
  Promise.resolve({ ok: true, bytes: (root as LocalFeedbackKey).sign(signer, message) });

let open: DelegatedKeys | undefined;
beforeEach(() => {
  jest.useFakeTimers({ now: START_MS });
});
afterEach(() => {
  open?.close();
  jest.useRealTimers();
});

function delegating(
  root: FeedbackKey = new LocalFeedbackKey('root', pair, always),
  lifetimeMs = LIFETIME_MS,
) {
  return {
    keys: [],
    activeKid: undefined,
    delegation: { roots: { keys: [root], activeKid: undefined }, lifetimeMs },
  };
}
const settingsOf = (tenants: [string, FeedbackSettings['defaultDomain']][] = []): FeedbackSettings => ({
  ...feedbackSettings({}),
  defaultDomain: delegating(),
  tenantDomains: new Map(tenants),
});

function start(settings: FeedbackSettings, sign: Sign = signWell, changes: Partial<DelegationTools> = {}) {
  const outcomes: DelegationOutcome[] = [];
  const keys = new DelegatedKeys({
    sign,
    verifier: fastVerifier(),
    agrees: (key) => key.agreesWith(signer),
    ownTurn: () => Promise.resolve(),
    nowMs: () => Date.now(),
    onOutcome: (_, outcome) => void outcomes.push(outcome),
    ...changes,
  });
  open = keys;
  const active = (tenant?: string) => {
    const extended = keys.extend(settings);
    const domain = tenant === undefined ? extended?.defaultDomain : extended?.tenantDomains.get(tenant);
    return domain && (activeKeyOf(domain, Date.now()) as LocalFeedbackKey | undefined);
  };
  keys.extend(settings);
  return { keys, outcomes, active };
}
const pass = (milliseconds: number): Promise<void> => jest.advanceTimersByTimeAsync(milliseconds);

function roots() {
  const made = keyringFromMap({ root: encodePublicKey(pair.publicKey, 'base64').trim() });
  if (!made.ok) throw new Error(made.fault.code);
  return made.keyring;
}

test('no answer is signed before the root has vouched for a key, and never with the root', async () => {
  const { active, outcomes } = start(settingsOf());
  expect(active()).toBeUndefined();
  await pass(0);
  expect(active()?.kid).toMatch(/^[\w-]{43}$/);
  expect(outcomes).toMatchObject([{ ok: true, rootKid: 'root' }]);
});

test('the document of the key that signs verifies under the root at every moment of three renewals', async () => {
  const { active, keys } = start(settingsOf());
  await pass(0);
  const seen = new Set<string>();
  for (let second = 0; second < (3 * LIFETIME_MS) / 1000; second += 10) {
    const key = active();
    const document = keyringFromDelegation(key?.document ?? '', {
      roots: roots(),
      tenant: TENANT,
      nowMs: Date.now(),
      verifier: fastVerifier(),
    });
    expect([second, document.ok && document.keyring.find(key?.kid ?? '', Date.now()).ok]).toEqual([
      second,
      true,
    ]);
    // Whoever fetches keys has a quarter of a lifetime to hear of one.
    if (seen.size > 0 && key !== undefined && !seen.has(key.kid))
      expect(announced.get(key.kid)).toBeLessThanOrEqual(Date.now() - LIFETIME_MS / 4 + 10_000);
    seen.add(key?.kid ?? '');
    for (const one of keys.look()[0]?.keys ?? [])
      if (!announced.has(one.kid)) announced.set(one.kid, Date.now());
    await pass(10_000);
  }
  expect(seen.size).toBeGreaterThanOrEqual(4);
}, 60_000);
const announced = new Map<string, number>();

test('a root that is away keeps no answer back while a key is vouched for, and every one after that', async () => {
  let isAway = false;
  const sign: Sign = (root, message, tenant) =>
    isAway
      ? Promise.resolve({ ok: false, fault: 'away', reason: 'is away' })
      : signWell(root, message, tenant);
  const { active, outcomes } = start(settingsOf(), sign);
  await pass(0);
  isAway = true;
  await pass(LIFETIME_MS - 1_000);
  expect(active()).toBeDefined();
  await pass(1_000);
  expect(active()).toBeUndefined();
  expect(outcomes.at(-1)).toMatchObject({ ok: false, rootKid: 'root', reason: 'is away' });
  isAway = false;
  await pass(30_000);
  expect(active()).toBeDefined();
});

test.each<[string, Sign, string]>([
  ['gives another signature', (root) => signWell(root, new Uint8Array(1), ''), 'does not verify'],
  ['gives too few bytes', () => good(new Uint8Array(63)), 'does not verify'],
  [
    'gives the signature of another key',
    (_, message) => good(signer.sign(generateKeyPair(new Uint8Array(32)), message)),
    'does not verify',
  ],
])('a root that %s vouches for nothing', async (_, sign, reason) => {
  const { active, outcomes } = start(settingsOf(), sign);
  await pass(1_000);
  expect(active()).toBeUndefined();
  expect(outcomes[0]).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string });
});
const good = (bytes: Uint8Array): Promise<KeySourceAnswer> => Promise.resolve({ ok: true, bytes });

test('a new key that fails the self-test signs nothing', async () => {
  const { active } = start(settingsOf(), signWell, { agrees: () => false });
  await pass(1_000);
  expect(active()).toBeUndefined();
});

test('one tenant whose root hangs keeps nobody else from an answer', async () => {
  const stuck = new LocalFeedbackKey('stuck', generateKeyPair(new Uint8Array(32).fill(3)), always);
  const sign: Sign = (root, ...rest) =>
    root.kid === 'stuck' ? new Promise<KeySourceAnswer>(() => undefined) : signWell(root, ...rest);
  const { active } = start(
    settingsOf([
      [TENANT, delegating(stuck)],
      [OTHER_TENANT, delegating()],
    ]),
    sign,
  );
  await pass(0);
  expect(
    [active()?.kid, active(TENANT)?.kid, active(OTHER_TENANT)?.kid].map((kid) => kid !== undefined),
  ).toEqual([true, false, true]);
  expect(active()?.kid).not.toBe(active(OTHER_TENANT)?.kid);
});

describe('a reload', () => {
  const other = new LocalFeedbackKey('other', generateKeyPair(new Uint8Array(32).fill(5)), always);
  const root = (validity = always) => new LocalFeedbackKey('root', pair, validity);
  const withRoots = (...roots: FeedbackKey[]): FeedbackSettings => {
    const { delegation } = delegating();
    return {
      ...settingsOf(),
      defaultDomain: {
        keys: [],
        activeKid: undefined,
        delegation: { ...delegation, roots: { keys: roots, activeKid: undefined } },
      },
    };
  };
  async function begun() {
    const { keys } = start(settingsOf());
    await pass(0);
    const kidsOf = (settings: FeedbackSettings) =>
      keys.extend(settings)?.defaultDomain.keys.map(({ kid }) => kid);
    const [kid] = kidsOf(settingsOf()) ?? [];
    expect(kid).toBeDefined();
    return { kid, kidsOf };
  }

  test('keeps keys of the same roots, and of a root that another one stands beside now', async () => {
    const { kid, kidsOf } = await begun();
    expect(kidsOf(settingsOf())).toEqual([kid]);
    expect(kidsOf(withRoots(root(), other))).toEqual([kid]);
    await pass(1_000);
    expect(kidsOf(withRoots(root(), other))).toEqual([kid]);
  });

  test.each<[string, FeedbackSettings]>([
    ['is not among the roots', withRoots(other)],
    [
      'has another public half',
      withRoots(new LocalFeedbackKey('root', generateKeyPair(new Uint8Array(32)), always)),
    ],
    ['ends before them', withRoots(root({ ...always, notAfterMs: START_MS + LIFETIME_MS / 2 }))],
    ['gives them another lifetime', { ...settingsOf(), defaultDomain: delegating(root(), LIFETIME_MS / 2) }],
  ])('drops at once keys whose root %s, and has others made', async (_, settings) => {
    const { kid, kidsOf } = await begun();
    expect(kidsOf(settings)).toEqual([]);
    await pass(1_000);
    const [next, ...more] = kidsOf(settings) ?? [];
    expect([typeof next, next === kid, more]).toEqual(['string', false, []]);
  });

  test('drops them all where nothing is delegated any more', async () => {
    const { kidsOf } = await begun();
    const settings = { ...settingsOf(), defaultDomain: { keys: [feedbackKey()], activeKid: undefined } };
    expect(kidsOf(settings)).toEqual([feedbackKey().kid]);
  });
});

test('a root that has ended vouches for no more keys', async () => {
  const root = new LocalFeedbackKey('root', pair, { notBeforeMs: -Infinity, notAfterMs: START_MS + 1_000 });
  const { active, outcomes } = start({ ...settingsOf(), defaultDomain: delegating(root) });
  await pass(LIFETIME_MS);
  expect(active()).toBeUndefined();
  expect(outcomes.at(-1)).toMatchObject({ ok: false, rootKid: undefined, reason: 'may not sign now' });
});

test('after a clock that was set back by more than a lifetime, a key of now is made', async () => {
  const { active } = start(settingsOf());
  await pass(0);
  jest.setSystemTime(START_MS - 10 * LIFETIME_MS);
  await pass(60_000);
  expect(active()).toBeDefined();
});

test('no key in memory outlives its root; the next root vouches as soon as it may, and the root is not asked all the time', async () => {
  const endMs = START_MS + LIFETIME_MS / 4;
  const ends = new LocalFeedbackKey('root', pair, { notBeforeMs: -Infinity, notAfterMs: endMs });
  const next = new LocalFeedbackKey('next', pair, { notBeforeMs: endMs - 10_000, notAfterMs: Infinity });
  const domain = delegating(ends);
  const roots = { keys: [ends, next], activeKid: undefined };
  const sign = jest.fn(signWell);
  const { active, outcomes } = start(
    { ...settingsOf(), defaultDomain: { ...domain, delegation: { ...domain.delegation, roots } } },
    sign,
  );
  await pass(10);
  expect(active()?.notAfterMs).toBe(Math.floor(endMs / 1000) * 1000);
  await pass(LIFETIME_MS / 4 - 20_000);
  expect(sign).toHaveBeenCalledTimes(1);
  await pass(60_000);
  expect(outcomes.map(({ rootKid }) => rootKid)).toEqual(['root', 'next']);
  expect(active()?.notBeforeMs).toBeLessThan(endMs);
  expect(active()?.notAfterMs).toBeGreaterThan(Date.now() + LIFETIME_MS / 2);
});

test('domains that are renewed together make one key a turn, and are put in force together', async () => {
  jest.useRealTimers();
  let [inTurn, most, asked] = [0, 0, 0];
  const tenants = Array.from({ length: 30 }, (_, at) => [`tenant-${at}`, delegating()] as [string, never]);
  const work = new Paced(
    () => (asked += 1),
    () => performance.now(),
  );
  const count = (): boolean => {
    most = Math.max(most, (inTurn += 1));
    setImmediate(() => (inTurn = 0));
    return true;
  };
  const done = new Promise<void>((resolve) => {
    let left = 31;
    start(settingsOf(tenants), signWell, {
      agrees: count,
      ownTurn: ownTurns(),
      onOutcome: () => {
        work.ask();
        if (--left === 0) resolve();
      },
    });
  });
  await done;
  expect(most).toBe(1);
  expect(asked).toBeLessThan(31);
});

test('a domain that a reload ends while its key waits for a turn asks no root any more', async () => {
  let goOn = (): void => undefined;
  const sign = jest.fn(signWell);
  const ownTurn = (): Promise<void> => new Promise((resolve) => (goOn = resolve));
  const { keys } = start(settingsOf(), sign, { ownTurn });
  await pass(0);
  keys.extend(undefined);
  goOn();
  await pass(0);
  expect(sign).not.toHaveBeenCalled();
});
