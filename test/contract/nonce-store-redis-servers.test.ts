/** What the Redis store makes of the servers that it is given: absent, a replica, locked, shared, replicated. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { numberedClaim } from './nonce-claims.js';
import { redisAt as settingsAt, RedisStores, untilHealthy, untilSaid } from './nonce-store-redis-harness.js';

const CLAIMED = { kind: 'claimed' };
const UNAVAILABLE = { kind: 'doubt', reason: 'store_unavailable' };
/** The floor of an empty Redis is over with the second of the start. */
const NO_FUTURE = { futureSkewSeconds: 0 };

/** With patience: nothing here is about answers that are late. */
function redisAt(...[address, but]: Parameters<typeof settingsAt>): ReturnType<typeof settingsAt> {
  return settingsAt(address, { timeoutMilliseconds: 2_000, ...but });
}

const stores = new RedisStores();
const servers: RedisServer[] = [];
afterEach(async () => {
  await stores.closeAll();
  for (const server of servers.splice(0)) await server.remove();
});

async function start(...directives: string[]): Promise<RedisServer> {
  const server = await RedisServer.start({ directives });
  servers.push(server);
  return server;
}

function claimNow(number: number) {
  return numberedClaim(number, { timestampSeconds: Math.floor(Date.now() / 1000), ...NO_FUTURE });
}

describe('at the start', () => {
  // Fault: redis-absent
  it('a Redis that is absent makes the store unhealthy, and it recovers by itself', async () => {
    const server = await RedisServer.reserve();
    servers.push(server);
    const store = await stores.open(redisAt(server.address), NO_FUTURE);
    await untilSaid(store, /cannot be reached: .*ECONNREFUSED/);
    expect(await store.claim(claimNow(1))).toEqual(UNAVAILABLE);
    await server.start();
    await untilHealthy(store);
    expect(await store.claim(claimNow(1))).toEqual(CLAIMED);
  });

  it('a Redis is reached by its IPv6 address', async () => {
    const server = await start('bind 127.0.0.1 ::1');
    const store = await stores.open(redisAt({ ...server.address, host: '::1' }), { isNew: true });
    expect(await store.claim(claimNow(1))).toEqual(CLAIMED);
  });

  // Fault: redis-evicts, redis-read-only
  it.each([
    ['that may evict', ['maxmemory-policy volatile-ttl'], /volatile-ttl.*set maxmemory-policy noeviction/],
    ['that is a replica', ['replicaof 127.0.0.1 1'], /is a replica: name its master, or the sentinels/],
    ['that wants a password', ['requirepass secret'], /NOAUTH|cannot be reached/],
  ])('a Redis %s is not served from, with the reason', async (_, directives, reason) => {
    const server = await start(...directives);
    const store = await stores.open(redisAt(server.address), NO_FUTURE);
    await untilSaid(store, reason);
    expect(await store.claim(claimNow(1))).toEqual(UNAVAILABLE);
  });

  it('a state that is there is gone on with: no floor, no entry forgotten', async () => {
    const server = await start();
    const redis = redisAt(server.address);
    const first = await stores.open(redis, NO_FUTURE);
    await untilHealthy(first);
    const claim = claimNow(1);
    expect(await first.claim(claim)).toEqual(CLAIMED);
    await first.close();
    const second = await stores.open(redis, { futureSkewSeconds: 30 });
    await untilHealthy(second);
    expect(second.status()).toMatchObject({ entries: 1 });
    expect(await second.claim(claim)).toMatchObject({ kind: 'replayed', firstRequestId: claim.requestId });
  });

  it('keys that are new need no floor', async () => {
    const server = await start();
    const store = await stores.open(redisAt(server.address), { isNew: true });
    expect(await store.claim(claimNow(1))).toEqual(CLAIMED);
  });

  it('a window wider than before refuses what the narrower one may have forgotten', async () => {
    const server = await start();
    const redis = redisAt(server.address);
    const narrow = await stores.open(redis, { isNew: true });
    expect(await narrow.claim(claimNow(1))).toEqual(CLAIMED);
    const wide = await stores.open(redis, { pastSkewSeconds: 3_600 });
    const ago = (seconds: number, number: number) =>
      wide.claim({
        ...claimNow(number),
        pastSkewSeconds: 3_600,
        timestampSeconds: Math.floor(Date.now() / 1000) - seconds,
      });
    expect(await ago(40, 2)).toEqual({ kind: 'doubt', reason: 'below_floor' });
    expect(await ago(20, 3)).toEqual(CLAIMED);
  });
});

describe('several verifiers', () => {
  it('count and decide as one', async () => {
    const server = await start();
    const bounds = { maxEntries: 3, maxEntriesPerIdentity: 2, isNew: true };
    const one = await stores.open(redisAt(server.address), bounds);
    const other = await stores.open(redisAt(server.address), bounds);
    await one.claim(claimNow(1));
    await other.claim(claimNow(2));
    expect(await one.claim(claimNow(3))).toEqual({ kind: 'doubt', reason: 'quota_exceeded' });
    await other.claim({ ...claimNow(4), identity: 'svc-other' });
    expect(await one.claim({ ...claimNow(5), identity: 'svc-third' })).toEqual({
      kind: 'doubt',
      reason: 'store_full',
    });
    await other.withdraw(claimNow(1));
    expect(await one.claim(claimNow(1))).toEqual(CLAIMED);
  });

  // Fault: redis-clock
  it('whose clocks are too far from that of Redis claim nothing, and say by how much', async () => {
    const server = await start();
    const ahead = { nowMs: () => Date.now() + 5_000, monotonicMs: () => performance.now() };
    const redis = redisAt(server.address, { maxClockDifferenceMilliseconds: 2_000 });
    const store = await stores.open(redis, { clock: ahead, isNew: true });
    await untilSaid(store, /clock of Redis is 5 s behind ours/);
    expect((await store.claim(claimNow(1))).kind).toBe('doubt');
  });

  // Fault: redis-clock
  it('keep an entry in Redis for longer than any of their clocks may ask for it', async () => {
    const server = await start();
    const redis = redisAt(server.address, { maxClockDifferenceMilliseconds: 2_000 });
    const store = await stores.open(redis, { isNew: true });
    const claim = claimNow(1);
    await store.claim(claim);
    const life = await server.command('PTTL', `${redis.keyPrefix}:{0}:n:${claim.key.toString('base64url')}`);
    const leftMs = (claim.timestampSeconds + 30 + 1) * 1000 - Date.now();
    expect(Number(life)).toBeGreaterThan(leftMs + 4_000);
  });
});

describe('access', () => {
  const RULES = '~countersign:* -@all +evalsha +script|load +info +ping +select +wait +hset +hget +hmget';
  const MORE = '+hgetall +hdel +get +set +del +time +pexpire +zadd +zrem +zcard +zcount +zrange';

  // Fault: redis-access
  it('as an ACL user that may do no more than it needs, by a password that is never told', async () => {
    const server = await start(`user gate on >hunter2 ${RULES} ${MORE} +zrangebyscore +zremrangebyrank`);
    const login = { username: 'gate', password: () => 'hunter2' };
    const store = await stores.open(redisAt(server.address, login), { isNew: true });
    expect(await store.claim(claimNow(1))).toEqual(CLAIMED);
    await store.withdraw(claimNow(1));
    expect(store.status()).toEqual(expect.objectContaining({ entries: 0 }));
    const limit = { group: 'g', perMinute: 1 };
    expect(await store.rateLimits.reserve(limit, 'a')).toMatchObject({ kind: 'reserved' });
    const wrong = { ...login, password: () => 'hunter3' };
    const refused = await stores.open(redisAt(server.address, wrong), { isNew: true });
    await untilSaid(refused, /WRONGPASS/);
    expect(refused.status().unhealthy).not.toMatch(/hunter/);
  });

  // Fault: redis-access
  it('by TLS with certificates of both sides', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-redis-tls-'));
    try {
      const file = (name: string) => join(folder, name);
      const text = (name: string) => readFileSync(file(name), 'utf8');
      execFileSync(
        'openssl',
        ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1']
          .concat(['-subj', '/CN=redis', '-addext', 'subjectAltName=IP:127.0.0.1'])
          .concat(['-keyout', file('key'), '-out', file('crt')]),
        { stdio: 'ignore' },
      );
      const tls = { ca: text('crt'), cert: text('crt'), key: text('key') };
      const files = [`tls-cert-file ${file('crt')}`, `tls-key-file ${file('key')}`];
      const directives = [...files, `tls-ca-cert-file ${file('crt')}`];
      const server = await RedisServer.start({ directives, tls });
      servers.push(server);
      const ours = { authority: tls.ca, certificate: tls.cert, privateKey: () => tls.key };
      const good = redisAt(server.address, { tls: { ...ours, serverName: undefined } });
      const store = await stores.open(good, { isNew: true });
      expect(await store.claim(claimNow(1))).toEqual(CLAIMED);
      const other = { ...ours, authority: undefined, serverName: undefined };
      const distrustful = await stores.open(redisAt(server.address, { tls: other }), { isNew: true });
      await untilSaid(distrustful, /self-signed certificate/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

describe('replicas', () => {
  // Fault: redis-replicas
  it('that are waited for have the claim, and without them there is doubt and nothing claimed', async () => {
    const master = await start('repl-diskless-sync-delay 0');
    const replica = await start(`replicaof 127.0.0.1 ${master.address.port}`);
    const redis = redisAt(master.address, { waitReplicas: 1 });
    const store = await stores.open(redis, { isNew: true });
    await untilHealthy(store);
    await until('a claim is replicated', async () => (await store.claim(claimNow(0))).kind !== 'doubt');
    const outcomes = await Promise.all([1, 2, 3].map(async (number) => store.claim(claimNow(number))));
    expect(outcomes).toEqual([CLAIMED, CLAIMED, CLAIMED]);
    expect(Number(await replica.command('DBSIZE'))).toBeGreaterThan(4);
    await replica.kill();
    expect(await store.claim(claimNow(4))).toEqual(UNAVAILABLE);
    const single = await stores.open(redisAt(master.address), { isNew: true });
    await until('it was taken back', async () => (await single.claim(claimNow(4))).kind === 'claimed');
  });
});
