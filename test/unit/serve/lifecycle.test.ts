import { pino } from 'pino';
import { Health } from '../../../src/observability/health.js';
import { drain } from '../../../src/serve/lifecycle.js';
import type { RunningGrpcServer } from '../../../src/serve/grpc-server.js';

/** A server with so many connections, whose calls end when they are let. */
function setUp({ connections = 1, superseded = false } = {}) {
  const health = new Health([]);
  const seen: { serving: boolean; limit: number }[] = [];
  const state = { connections, finish: (): void => undefined };
  const grpc: RunningGrpcServer = {
    connections: () => state.connections,
    takeOver: () => undefined,
    look: () => undefined,
    isSuperseded: () => superseded,
    stop: (limit, cut) => {
      seen.push({ serving: health.isServing(), limit });
      return new Promise((resolve) => {
        state.finish = () => resolve(0);
        cut?.addEventListener('abort', () => resolve(1));
        if (cut?.aborted !== false) resolve(1);
        if (state.connections === 0) resolve(0);
      });
    },
  };
  const cut = new AbortController();
  const start = (drainDelayMilliseconds: number, drainMilliseconds = 10_000): Promise<void> =>
    drain({
      grpc,
      health,
      limits: { drainMilliseconds, drainDelayMilliseconds },
      cut: cut.signal,
      logger: pino({ level: 'silent' }),
    });
  return { health, seen, state, cut, start };
}

const soon = (milliseconds = 60): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('draining', () => {
  it('says no at once and serves on until the delay is over', async () => {
    const { health, seen, state, start } = setUp();
    const drained = start(1_000);
    expect(health.isServing()).toBe(false);
    await soon();
    expect(seen).toEqual([]);
    while (seen.length === 0) await soon();
    expect(seen[0]!.serving).toBe(false);
    expect(seen[0]!.limit).toBeLessThanOrEqual(9_000);
    state.finish();
    await drained;
  });

  it('waits for nobody when nobody is connected', async () => {
    const { seen, start } = setUp({ connections: 0 });
    await start(60_000, 60_000);
    expect(seen).toHaveLength(1);
  });

  it('stops waiting when the last connection has gone', async () => {
    const { seen, state, start } = setUp();
    const drained = start(60_000, 60_000);
    await soon();
    expect(seen).toEqual([]);
    state.connections = 0;
    await drained;
    expect(seen).toHaveLength(1);
  });

  it('is cut short during the delay', async () => {
    const { cut, start } = setUp();
    const drained = start(60_000, 60_000);
    cut.abort();
    await drained;
  });

  it('is cut short while calls are under way', async () => {
    const { seen, cut, start } = setUp();
    const drained = start(0);
    while (seen.length === 0) await soon(5);
    cut.abort();
    await drained;
  });

  it('stays well and waits for nothing when a successor has the name: Envoy knows both by that one', async () => {
    const { health, seen, state, start } = setUp({ superseded: true });
    const drained = start(60_000, 60_000);
    expect(seen).toEqual([{ serving: true, limit: expect.any(Number) as number }]);
    state.finish();
    await drained;
    expect(health.isServing()).toBe(true);
  });
});
