import { engineHealth, Health, keyHealth } from '../../../src/observability/health.js';
import type { FeedbackSettings } from '../../../src/feedback/feedback-settings.js';
import type { Identity, Snapshot } from '../../../src/verify/snapshot.js';
import { feedbackKey, feedbackSettings } from '../../support/signing.js';
import {
  always,
  CERTIFICATE,
  keyEntry,
  makeIdentity,
  makeSnapshot,
  NOW_MS,
  passThroughPolicy,
  producerKey,
} from '../../support/snapshots.js';

function setUp() {
  const faults = new Map<string, string>();
  const component = (name: string) => ({ name, fault: () => faults.get(name) });
  const health = new Health([component('store'), component('audit')]);
  const told: boolean[] = [];
  const forget = health.onChange(() => told.push(health.isServing()));
  return { faults, health, told, forget };
}

describe('health', () => {
  it('is the AND of its components, each with its reason', () => {
    const { faults, health } = setUp();
    expect(health.isServing()).toBe(true);
    faults.set('audit', 'no space');
    expect(health.isServing()).toBe(false);
    expect(health.states()).toEqual([
      { name: 'store', fault: undefined },
      { name: 'audit', fault: 'no space' },
      { name: 'lifecycle', fault: undefined },
    ]);
  });

  it('tells of each component by its name', () => {
    const { faults, health } = setUp();
    faults.set('audit', 'no space');
    const names = ['store', 'audit', 'lifecycle', 'other'];
    expect(names.map((name) => health.isWorking(name))).toEqual([true, false, true, undefined]);
    health.drain();
    expect(names.map((name) => health.isWorking(name))).toEqual([true, false, false, undefined]);
  });

  it('shows a note of a component that works, which changes nothing', () => {
    const health = new Health([{ name: 'keys', fault: () => undefined, note: () => 'ends tomorrow' }]);
    expect(health.isServing()).toBe(true);
    expect(health.states()[0]).toEqual({ name: 'keys', fault: undefined, note: 'ends tomorrow' });
  });

  it('tells its watchers of changes of any component, and of nothing else', () => {
    const { faults, health, told } = setUp();
    health.poll();
    faults.set('store', 'slow');
    health.poll();
    faults.set('store', 'slower');
    health.poll();
    faults.set('audit', 'no space');
    health.poll();
    faults.clear();
    health.poll();
    health.poll();
    expect(told).toEqual([false, false, true]);
  });

  it('stays down once it drains, and says so at once', () => {
    const { faults, health, told } = setUp();
    health.drain();
    faults.clear();
    health.poll();
    expect([health.isServing(), told]).toEqual([false, [false]]);
    expect(health.states().at(-1)).toEqual({ name: 'lifecycle', fault: 'draining' });
  });

  it('forgets a watcher that has gone', () => {
    const { health, told, forget } = setUp();
    let ended = 0;
    const forgetEnd = health.onShutdown(() => ended++);
    health.endWatches();
    forget();
    forgetEnd();
    health.drain();
    health.endWatches();
    expect([told, ended]).toEqual([[], 1]);
  });
});

const NO_CALLER = 'no identity has a key and a pin or name of its certificate that are valid now';
const ended = { notAfterMs: NOW_MS };
const later = { notBeforeMs: NOW_MS + 1 };

function withIdentities(...identities: Partial<Identity>[]): Snapshot {
  const made = identities.map((change, index) => makeIdentity({ name: `producer-${index}`, ...change }));
  return { ...makeSnapshot(), identities: new Map(made.map((identity) => [identity.name, identity])) };
}

const pin = (interval: object) =>
  [{ kind: 'certificate', sha256: CERTIFICATE.certificateSha256, ...always, ...interval }] as const;
const keys = (interval: object) => [keyEntry('k', producerKey, interval)];
const faultOf = (snapshot: Snapshot): string | undefined =>
  keyHealth(
    () => snapshot,
    () => NOW_MS,
  ).fault();

describe('the component keys', () => {
  // Fault: key-expired
  it.each<[string, Snapshot]>([
    ['whose only key has ended', withIdentities({ keys: keys(ended) })],
    ['whose only key has not begun', withIdentities({ keys: keys(later) })],
    ['whose only certificate has ended', withIdentities({ pins: pin(ended) })],
    ['of whom each lacks one of the two', withIdentities({ keys: keys(ended) }, { pins: pin(later) })],
    ['of whom the one with a key is revoked', withIdentities({ revoked: true }, { keys: keys(ended) })],
  ])('is at fault with identities %s', (_which, snapshot) => {
    expect(faultOf(snapshot)).toBe(NO_CALLER);
  });

  it.each<[string, Snapshot]>([
    ['one of two can call', withIdentities({ keys: keys(ended) }, {})],
    ['there is no identity', withIdentities()],
    ['all are revoked, as their owner wants it', withIdentities({ revoked: true })],
    [
      'no policy asks for keys',
      { ...withIdentities({ keys: keys(ended) }), policies: new Map([['public', passThroughPolicy]]) },
    ],
  ])('is well when %s', (_how, snapshot) => {
    expect(faultOf(snapshot)).toBeUndefined();
  });

  // Fault: key-expired
  it('looks again as time goes by and when the configuration is another', () => {
    let now = NOW_MS - 2_000;
    let snapshot = withIdentities({ keys: keys(ended) });
    const component = keyHealth(
      () => snapshot,
      () => now,
    );
    expect(component.fault()).toBeUndefined();
    now = NOW_MS + 1_000;
    expect(component.fault()).toBe(NO_CALLER);
    snapshot = withIdentities({});
    expect(component.fault()).toBeUndefined();
  });

  // Fault: key-expired
  it.each<[string, Partial<FeedbackSettings>, string | undefined]>([
    ['the default key has ended', { defaultDomain: domain(ended) }, 'no feedback key may sign now'],
    ['the default key has not begun', { defaultDomain: domain(later) }, 'no feedback key may sign now'],
    [
      "a tenant's key has ended",
      { tenantDomains: new Map([['t', domain(ended)]]) },
      'of 1 of 1 tenants with keys of their own may sign now, such as t,',
    ],
    ['every domain has one', { tenantDomains: new Map([['t', domain({})]]) }, undefined],
  ])('notes, and goes on, when %s', (_how, change, note) => {
    const snapshot = makeSnapshot({ feedback: feedbackSettings(change) });
    const component = keyHealth(
      () => snapshot,
      () => NOW_MS,
    );
    expect(component.fault()).toBeUndefined();
    if (note === undefined) expect(component.note?.()).toBeUndefined();
    else expect(component.note?.()).toContain(note);
  });
});

function domain(interval: object): FeedbackSettings['defaultDomain'] {
  return { keys: [feedbackKey('fb', 1, interval)], activeKid: undefined };
}

describe('the engine that verifies signatures', () => {
  it('is no component where there is nothing to say of it', () => {
    expect(engineHealth([])).toEqual([]);
  });

  it('is a note where it could be a faster one, and serves', () => {
    const health = new Health(engineHealth(['one reason', 'another']));
    expect(health.isServing()).toBe(true);
    expect(health.states()[0]).toEqual({ name: 'engine', fault: undefined, note: 'one reason; another' });
  });
});
