/** One meaning of the rate limit: the contract over the limits of one process, of workers, and of a real Redis. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLmdbRateLimits, type LmdbRateLimits } from '../../src/rate-limits/lmdb.js';
import { MemoryRateLimits } from '../../src/rate-limits/memory.js';
import { RedisServer } from '../support/redis-server.js';
import { newPrefix, RedisStores, redisAt, untilHealthy } from './nonce-store-redis-harness.js';
import { describeRateLimits } from './rate-limits-contract.js';

describeRateLimits('one process', () => {
  const limiter = new MemoryRateLimits();
  let nowMs = 12_345;
  return Promise.resolve({
    reserve: (limit, subject) => Promise.resolve(limiter.reserve(limit, subject, nowMs)),
    giveBack: (slot) => limiter.giveBack(slot),
    pass: (seconds) => Promise.resolve(void (nowMs += seconds * 1_000)),
  });
});

describe('lmdb', () => {
  const opened: LmdbRateLimits[] = [];
  const folders: string[] = [];
  afterEach(async () => {
    for (const limits of opened.splice(0)) await limits.close();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  describeRateLimits('workers over lmdb', () => {
    const directory = mkdtempSync(join(tmpdir(), 'limits-'));
    folders.push(directory);
    let second = 1_000;
    const open = (): LmdbRateLimits => {
      const limits = openLmdbRateLimits({ directory, nowSeconds: () => second });
      opened.push(limits);
      return limits;
    };
    const [one, other] = [open(), open()];
    return Promise.resolve({
      reserve: (limit, subject) => one.reserve(limit, subject),
      giveBack: (slot) => one.giveBack(slot),
      giveBackElsewhere: (slot) => other.giveBack(slot),
      reserveElsewhere: (limit, subject) => other.reserve(limit, subject),
      pass: (seconds) => Promise.resolve(void (second += seconds)),
    });
  });
});

/** As if all that lies in the windows of a prefix had happened earlier: the clock is that of Redis. */
const AGE = `
for _, key in ipairs(redis.call('KEYS', ARGV[1] .. ':rate:*')) do
  for _, token in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -ARGV[2], token) end
end
`;

describe('redis', () => {
  const stores = new RedisStores();
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.remove());

  describeRateLimits('verifiers over Redis', async () => {
    const keyPrefix = newPrefix();
    const redis = redisAt(server.address, { keyPrefix, timeoutMilliseconds: 5_000 });
    const one = await stores.open(redis, { isNew: true });
    const other = await stores.open(redis);
    await untilHealthy(one);
    await untilHealthy(other);
    return {
      reserve: async (limit, subject) => one.rateLimits.reserve(limit, subject),
      reserveElsewhere: async (limit, subject) => other.rateLimits.reserve(limit, subject),
      giveBack: (slot) => one.rateLimits.giveBack(slot),
      giveBackElsewhere: (slot) => other.rateLimits.giveBack(slot),
      pass: async (seconds) => {
        await server.command('EVAL', AGE, 0, keyPrefix, seconds * 1_000);
      },
    };
  });
});
