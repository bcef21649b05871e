import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FederationFault } from '../../../tools/local-federation/fault.js';
import type { Layout } from '../../../tools/local-federation/layout.js';
import { checkRedis } from '../../../tools/local-federation/redis-check.js';
import { parseOwnRedis, redisSection, writeRedisPassword } from '../../../tools/local-federation/redis.js';
import { ensureSigningKeys } from '../../../tools/local-federation/signing-keys.js';
import { RedisServer } from '../../support/redis-server.js';
import { temporaryPlace } from './temporary-place.js';

const NAMES = ['producer-a', 'producer-b'] as const;

describe('a Redis of one’s own', () => {
  const place = temporaryPlace();
  const otherPlace = temporaryPlace();

  it('is configured by address, user, the name of a password file, and TLS', () => {
    const keys = ensureSigningKeys(place(), NAMES);
    const section = redisSection(parseOwnRedis('rediss://gate:hunter%2F2@redis.example/2'), keys);
    expect(section).toMatchObject({
      store: 'redis',
      redis: {
        address: 'redis.example:6379',
        database: 2,
        username: 'gate',
        passwordFile: 'keys/redis-password',
        tls: {},
      },
    });
    expect(JSON.stringify(section)).not.toContain('hunter');
  });

  it('has a key prefix that stays with the request keys, and changes with them', () => {
    const prefixOf = (layout: Layout): string | undefined =>
      redisSection(parseOwnRedis('redis://127.0.0.1'), ensureSigningKeys(layout, NAMES))?.redis?.keyPrefix;
    expect(prefixOf(place())).toMatch(/^countersign-[0-9a-f]{16}$/);
    expect(prefixOf(place())).toBe(prefixOf(place()));
    expect(prefixOf(otherPlace())).not.toBe(prefixOf(place()));
  });

  it('leaves its password in a private file, until there is none any more', () => {
    const layout = place();
    const file = join(layout.keys, 'redis-password');
    writeRedisPassword(layout, parseOwnRedis('redis://:hunter%2F2@127.0.0.1'));
    expect(readFileSync(file, 'utf8')).toBe('hunter/2\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeRedisPassword(layout, parseOwnRedis('redis://127.0.0.1'));
    expect(existsSync(file)).toBe(false);
    writeRedisPassword(layout, 'lmdb');
  });

  it.each([
    ['may evict', 'maxmemory-policy allkeys-lru', /allkeys-lru.*set maxmemory-policy noeviction/],
    ['is a replica', 'replicaof 127.0.0.1 1', /is a replica: name its master/],
  ])('that %s is refused before anything starts', async (_, directive, reason) => {
    const server = await RedisServer.start({ directives: [directive] });
    try {
      const check = checkRedis(parseOwnRedis(`redis://127.0.0.1:${server.address.port}`));
      await expect(check).rejects.toThrow(reason);
      await expect(check).rejects.toBeInstanceOf(FederationFault);
      await expect(check).rejects.toMatchObject({ remedy: expect.stringContaining('NONCES=lmdb') as string });
    } finally {
      await server.remove();
    }
  });
});
