import { Health } from '../../../src/observability/health.js';

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
