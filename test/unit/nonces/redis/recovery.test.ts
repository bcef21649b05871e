/** What a verifier does as it comes back to Redis: which losses it counts, and how it sends what is pending. */
import { ClockStepDetector } from '../../../../src/nonces/clock-step-detector.js';
import type { NonceClaim } from '../../../../src/nonces/nonce-store.js';
import { RedisHealthMonitor } from '../../../../src/nonces/redis/health-monitor.js';
import type { RedisNonceStoreOptions } from '../../../../src/nonces/redis/options.js';
import { RedisShard } from '../../../../src/nonces/redis/shard.js';
import { ATTACH, LOOK, RedisKeys } from '../../../../src/nonces/redis/state-scripts.js';
import type { RedisScript } from '../../../../src/storage/redis/command.js';
import { CircuitBreaker, type RedisConnection } from '../../../../src/storage/redis/connection.js';
import { until } from '../../../support/until.js';

const TIMEOUT_MS = 50;
const INFO = 'redis_version:7.2.0\r\nrole:master\r\nmaxmemory_policy:noeviction\r\nevicted_keys:0\r\n';

/** As much of Redis as attachments, looks and withdrawals need, and a say over when it answers. */
class FakeRedis implements Pick<RedisConnection, keyof RedisConnection> {
  readonly name = 'Redis';
  readonly breaker = new CircuitBreaker();
  epoch = 1;
  isLost = false;
  session: unknown;
  withdrawn = 0;
  /** Before the reply to an attachment, which has been carried out by then. */
  beforeAttached: () => Promise<void> = () => Promise.resolve();
  beforeWithdrawn: () => Promise<void> = () => Promise.resolve();

  /** Another verifier has met a loss. */
  beginEpoch(): void {
    this.epoch += 1;
    this.session = undefined;
  }

  /** Nobody has noticed yet. */
  lose(): void {
    this.isLost = true;
    this.session = undefined;
  }

  async run({ sha }: RedisScript, _keys: readonly string[], args: readonly (string | number)[]) {
    if (sha === ATTACH.sha) return this.#attach(args);
    if (sha === LOOK.sha)
      return this.session === args[0] ? ['attached', '0', '0', [], String(this.epoch)] : ['detached'];
    await this.beforeWithdrawn();
    this.withdrawn += 1;
    return 1;
  }

  async #attach([generation, , , , , known, seen]: readonly (string | number)[]) {
    let lost = '';
    if (this.isLost) lost = 'another server, or a restarted one';
    else if (seen === 1) lost = 'seen by this verifier';
    else if (known !== '' && known !== String(this.epoch)) lost = 'already seen by another verifier';
    if (this.isLost || seen === 1) this.epoch += 1;
    this.isLost = false;
    this.session = generation;
    const reply = ['attached', '0', String(this.epoch), lost, '0'];
    await this.beforeAttached();
    return reply;
  }

  isReady = (): boolean => true;
  number = (): number => 0;
  confirmMaster = (): Promise<undefined> => Promise.resolve(undefined);
  isMasterConfirmed = (): boolean => true;
  lastError = (): undefined => undefined;
  loadScripts = (): Promise<void> => Promise.resolve();
  serverInfo = (): Promise<string[]> => Promise.resolve([INFO]);
  wait = (): Promise<number> => Promise.resolve(0);
  endUnanswered = (): void => undefined;
  close = (): void => undefined;
}

const monitors: RedisHealthMonitor[] = [];
afterEach(() => {
  for (const monitor of monitors.splice(0)) monitor.stop();
});

async function attachedTo(redis: FakeRedis) {
  const clock = { nowMs: Date.now, monotonicMs: () => performance.now() };
  const options = {
    clock,
    pastSkewSeconds: 30,
    futureSkewSeconds: 30,
    maxEntries: 1,
    maxEntriesPerIdentity: 1,
    redis: { deployment: { kind: 'standalone' }, timeoutMilliseconds: TIMEOUT_MS },
  } as unknown as RedisNonceStoreOptions;
  const losses: string[] = [];
  const connection = redis as unknown as RedisConnection;
  const shard = new RedisShard(new RedisKeys('test', 0, 'one'), connection, options, {
    shards: 1,
    onLoss: (why) => void losses.push(why),
  });
  const guard = new ClockStepDetector({
    clock,
    stepMs: undefined,
    settleMs: undefined,
    onSettled: () => undefined,
  });
  const monitor = new RedisHealthMonitor({ connection, shards: [shard], guard, options });
  monitors.push(monitor);
  await until('it is attached', () => monitor.fault() === undefined);
  return { shard, breaker: redis.breaker, monitor, losses };
}

async function untilBack(redis: FakeRedis, { shard, monitor }: Awaited<ReturnType<typeof attachedTo>>) {
  await until('it is attached anew', () => {
    monitor.lookNow();
    return shard.isAttached() && monitor.fault() === undefined && redis.session === shard.generation();
  });
}

describe('each verifier that had claimed before a loss counts it once', () => {
  const SEEN = 'already seen by another verifier';

  it('as the first that meets it', async () => {
    const redis = new FakeRedis();
    const verifier = await attachedTo(redis);
    redis.lose();
    await untilBack(redis, verifier);
    expect(verifier.losses).toEqual(['another server, or a restarted one']);
  });

  it('when another one has begun the new epoch', async () => {
    const redis = new FakeRedis();
    const verifier = await attachedTo(redis);
    redis.beginEpoch();
    await untilBack(redis, verifier);
    expect(verifier.losses).toEqual([SEEN]);
  });

  it('when another one has begun the new epoch, and its own session was replicated to the server', async () => {
    const redis = new FakeRedis();
    const verifier = await attachedTo(redis);
    redis.epoch += 1;
    await until('it has noticed', () => verifier.losses.length > 0);
    await untilBack(redis, verifier);
    expect(verifier.losses).toEqual([SEEN]);
  });

  it('when it meets it in an attachment that is answered after its time', async () => {
    const redis = new FakeRedis();
    const verifier = await attachedTo(redis);
    let answer = (): void => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    redis.beforeAttached = () => answered;
    redis.beginEpoch();
    await until('nobody waits for the answer any longer', () => {
      verifier.monitor.lookNow();
      return verifier.monitor.fault()?.includes('no answer within') === true;
    });
    redis.beforeAttached = () => Promise.resolve();
    verifier.monitor.stop();
    answer();
    await until('it is attached', () => verifier.shard.isAttached());
    expect(verifier.losses).toEqual([SEEN]);
  });

  it('when the attachment in which it met it was carried out and never answered', async () => {
    const redis = new FakeRedis();
    const verifier = await attachedTo(redis);
    let failures = 0;
    redis.beforeAttached = () => {
      redis.beforeAttached = () => Promise.resolve();
      failures += 1;
      return Promise.reject(new Error('the connection broke'));
    };
    redis.lose();
    await untilBack(redis, verifier);
    expect([failures, verifier.losses]).toEqual([1, [SEEN]]);
  });

  it('when it saw itself that something was lost', async () => {
    const redis = new FakeRedis();
    const verifier = await attachedTo(redis);
    verifier.shard.lose();
    await untilBack(redis, verifier);
    expect(verifier.losses).toEqual(['seen by this verifier']);
  });

  it('and one that attaches for the first time after it counts none', async () => {
    const redis = new FakeRedis();
    redis.beginEpoch();
    expect((await attachedTo(redis)).losses).toEqual([]);
  });
});

describe('what is pending', () => {
  const PENDING = 5_000;
  const claim = (number: number): NonceClaim => ({
    key: Buffer.alloc(32, number),
    identity: 'a',
    timestampSeconds: 1,
    pastSkewSeconds: 30,
    futureSkewSeconds: 30,
    requestId: `request-${number}`,
  });

  it(`is sent beside the look, however much it is: ${PENDING} withdrawals take many times the time of a command and are no fault`, async () => {
    const redis = new FakeRedis();
    const { shard, monitor, breaker } = await attachedTo(redis);
    const seen = new Set<string>();
    redis.beforeWithdrawn = async () => {
      await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS / 10));
      seen.add(`${breaker.state()}, ${monitor.fault() ?? 'well'}`);
    };
    for (let number = 0; number < PENDING; number += 1)
      shard.pending.addWithdrawal(claim(number), `token-${number}`);
    const startMs = performance.now();
    monitor.lookNow();
    await until('all is sent', () => shard.pending.withdrawals() === 0);
    expect(performance.now() - startMs).toBeGreaterThan(2 * TIMEOUT_MS);
    expect([redis.withdrawn, shard.withdrawals()]).toEqual([PENDING, PENDING]);
    expect(seen).toEqual(new Set(['closed, well']));
  });

  it('stays pending when it is not answered in time, which is no fault either', async () => {
    const redis = new FakeRedis();
    const { shard, monitor, breaker } = await attachedTo(redis);
    let asked = 0;
    redis.beforeWithdrawn = () => {
      asked += 1;
      return new Promise(() => undefined);
    };
    for (let number = 0; number < 100; number += 1)
      shard.pending.addWithdrawal(claim(number), `token-${number}`);
    await until('it was tried twice', () => asked >= 128);
    expect([shard.pending.withdrawals(), breaker.state(), monitor.fault()]).toEqual([
      100,
      'closed',
      undefined,
    ]);
    redis.beforeWithdrawn = () => Promise.resolve();
    await until('all is sent', () => shard.pending.withdrawals() === 0);
  });
});
