import { inspect } from 'node:util';
import { FederationFault } from '../../../tools/local-federation/fault.js';
import { stateDirectoryFrom, switchesFrom } from '../../../tools/local-federation/options.js';

describe('the switches of the local federation', () => {
  it('have the defaults of the interface', () => {
    expect(switchesFrom({})).toEqual({
      port: 8443,
      upstream: undefined,
      rateLimitPerMinute: 120,
      envoyBinary: undefined,
      nonces: 'lmdb',
      stateDirectory: 'local_federation',
      demonstration: true,
    });
  });

  it('take an empty value, as Make hands it on, for none', () => {
    const empty = { PORT: '', UPSTREAM: '', NONCES: ' ', DEMO: '', STATE_DIR: '', ENVOY_BIN: '' };
    expect(switchesFrom(empty)).toEqual(switchesFrom({}));
  });

  it('are read from the environment', () => {
    const given = { PORT: '9443', RATE_LIMIT_PER_MINUTE: '0', NONCES: 'memory', DEMO: '0', ENVOY_BIN: '/e' };
    expect(switchesFrom(given)).toMatchObject({
      port: 9443,
      rateLimitPerMinute: 0,
      nonces: 'memory',
      demonstration: false,
      envoyBinary: '/e',
    });
    expect(stateDirectoryFrom({ STATE_DIR: '/tmp/x' })).toBe('/tmp/x');
  });

  it.each([
    ['http://127.0.0.1:9000', { url: 'http://127.0.0.1:9000', address: '127.0.0.1', port: 9000 }],
    ['http://localhost:9000/', { url: 'http://localhost:9000', address: '127.0.0.1', port: 9000 }],
    ['http://app.example', { url: 'http://app.example', address: 'app.example', port: 80 }],
    ['http://[::1]:9000', { url: 'http://[::1]:9000', address: '::1', port: 9000 }],
  ])('take UPSTREAM=%s', (text, upstream) => {
    expect(switchesFrom({ UPSTREAM: text }).upstream).toEqual(upstream);
  });

  it.each([
    ['PORT', 'abc'],
    ['PORT', '0'],
    ['PORT', '65536'],
    ['PORT', '8443.0'],
    ['PORT', '0x20'],
    ['PORT', '08443'],
    ['RATE_LIMIT_PER_MINUTE', '-1'],
    ['RATE_LIMIT_PER_MINUTE', '1e3'],
    ['UPSTREAM', '127.0.0.1:9000'],
    ['UPSTREAM', 'https://127.0.0.1:9000'],
    ['UPSTREAM', 'http://127.0.0.1:9000/path'],
    ['UPSTREAM', 'http://user@127.0.0.1:9000'],
    ['UPSTREAM', 'http://:password@127.0.0.1:9000'],
    ['UPSTREAM', 'http://127.0.0.1:9000#fragment'],
    ['UPSTREAM', 'http://127.0.0.1:9000/?'],
    ['NONCES', 'sqlite'],
    ['NONCES', 'redis://'],
    ['NONCES', 'redis://127.0.0.1:6379/16'],
    ['NONCES', 'redis://127.0.0.1:6379?db=1'],
    ['NONCES', 'redis:/tmp/redis.sock'],
    ['NONCES', 'redis://user@127.0.0.1'],
    ['NONCES', 'redis://a%20user:password@127.0.0.1'],
    ['NONCES', 'redis://:pass%0Aword@127.0.0.1'],
    ['DEMO', 'yes'],
  ])('refuse %s=%s with a fault that names the variable and a remedy', (name, value) => {
    const read = (): unknown => switchesFrom({ [name]: value });
    expect(read).toThrow(FederationFault);
    expect(read).toThrow(new RegExp(`^${name}=`));
  });

  it.each([
    ['redis://127.0.0.1:7000', { address: '127.0.0.1:7000', database: 0, isTls: false }],
    ['redis://[::1]/3', { address: '[::1]:6379', database: 3, isTls: false }],
    [
      'rediss://gate:pass%2Fword@redis.example',
      { address: 'redis.example:6379', username: 'gate', isTls: true },
    ],
  ])('take NONCES=%s', (text, redis) => {
    expect(switchesFrom({ NONCES: text }).nonces).toMatchObject(redis);
  });

  it('keep the password of a Redis where no dump shows it', () => {
    const { nonces } = switchesFrom({ NONCES: 'redis://:hunter%2F2@127.0.0.1' });
    expect(typeof nonces === 'object' && nonces.password?.()).toBe('hunter/2');
    expect(inspect(nonces) + JSON.stringify(nonces)).not.toContain('hunter');
  });

  it.each([
    'redis://:secret@127.0.0.1/99',
    'redis+sentinel://:secret@127.0.0.1',
    'valkey://:secret@127.0.0.1',
  ])('do not repeat the password of %s', (text) => {
    expect(() => switchesFrom({ NONCES: text })).toThrow(/^(?!.*secret)NONCES=/);
  });
});
