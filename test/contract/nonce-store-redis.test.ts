/** The contract of every nonce store, over a real Redis. */
import { openRedisNonceStore } from '../../src/nonces/redis/store.js';
import { RedisServer } from '../support/redis-server.js';
import { describeNonceStore } from './nonce-store-contract.js';
import { newPrefix, redisAt } from './nonce-store-redis-harness.js';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.remove());

describeNonceStore('redis', (options) =>
  openRedisNonceStore({
    ...options,
    redis: redisAt(server.address, { keyPrefix: newPrefix(), timeoutMilliseconds: 2_000 }),
  }),
);
