import { healthMethods } from '../../../src/envoy/health/service.js';
import type { StreamMethod } from '../../../src/grpc/method.js';
import type { GrpcFailure } from '../../../src/grpc/method.js';
import { Health } from '../../../src/observability/health.js';

// Fault: slow-reader
describe('watchers of health', () => {
  const watchMethod = (): StreamMethod =>
    new Map(healthMethods(new Health([]))).get('/grpc.health.v1.Health/Watch') as StreamMethod;

  /** A watcher whose messages are on their way until `read`. */
  function watcher(method: StreamMethod) {
    const ends: (GrpcFailure | undefined)[] = [];
    let sent = 0;
    const handler = method.open({ send: () => (sent += 1), end: (failure) => void ends.push(failure) });
    void handler.message(Buffer.alloc(0));
    return { handler, ends, sent: () => sent };
  }

  it('are bounded; one more is refused, and finds a place when another has gone', () => {
    const method = watchMethod();
    const watchers = Array.from({ length: 64 }, () => watcher(method));
    expect(watchers.flatMap(({ ends }) => ends)).toEqual([]);
    const over = watcher(method);
    expect([over.ends[0]?.code, over.sent()]).toEqual([8, 0]);
    over.handler.closed();
    watchers[0]?.handler.closed();
    expect(watcher(method).ends).toEqual([]);
    expect(watcher(method).ends[0]?.code).toBe(8);
  });

  it('are sent nothing while what was sent before is unread', () => {
    const changes: (() => void)[] = [];
    let fault: string | undefined;
    const health = new Health([{ name: 'nonce_store', fault: () => fault }]);
    const follow = health.onChange.bind(health);
    health.onChange = (tell) => {
      changes.push(tell);
      return follow(tell);
    };
    const method = new Map(healthMethods(health)).get('/grpc.health.v1.Health/Watch') as StreamMethod;
    const told: (() => void)[] = [];
    const handler = method.open({
      send: (_, sent) => void told.push(sent ?? (() => undefined)),
      end: () => undefined,
    });
    void handler.message(Buffer.alloc(0));
    for (let change = 0; change < 101; change++) {
      fault = change % 2 === 0 ? 'away' : undefined;
      for (const tell of changes) tell();
    }
    expect(told).toHaveLength(1);
    told[0]?.();
    expect(told).toHaveLength(2);
  });
});
