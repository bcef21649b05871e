/** Sentinels that name one master by different words, as where only some of them resolve host names. */
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { numberedClaim } from './nonce-claims.js';
import { newPrefix, redisAt, RedisStores, untilHealthy, untilSaid } from './nonce-store-redis-harness.js';

const NAMES = ['sentinel resolve-hostnames yes', 'sentinel announce-hostnames yes'];
const TEST_MS = 60_000;

const stores = new RedisStores();
const servers: RedisServer[] = [];
afterEach(async () => {
  await stores.closeAll();
  for (const server of servers.splice(0)) await server.remove();
});

async function start(...of: Parameters<typeof RedisServer.start>): Promise<RedisServer> {
  const server = await RedisServer.start(...of);
  servers.push(server);
  return server;
}

function startSentinel(host: string, port: number): Promise<RedisServer> {
  const monitor = `sentinel monitor nonces ${host} ${port} 2`;
  const directives = host === 'localhost' ? [...NAMES, monitor] : [monitor];
  return start({ isSentinel: true, directives });
}

function through(sentinels: readonly RedisServer[]) {
  const [first] = sentinels;
  const addresses = sentinels.map(({ address }) => address);
  const login = { username: undefined, password: undefined };
  return redisAt(first!.address, {
    deployment: { kind: 'sentinel', master: 'nonces', addresses, ...login },
    keyPrefix: newPrefix(),
  });
}

const named = async (sentinel: RedisServer): Promise<string> =>
  String(await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'nonces'));

it.each([
  ['two', ['localhost', '127.0.0.1']],
  ['the address first of two', ['127.0.0.1', 'localhost']],
  ['three', ['localhost', '127.0.0.1', 'localhost']],
])(
  'agree about a master that one names by host name and one by address: %s',
  async (_title, hosts) => {
    const { port } = (await start()).address;
    const sentinels: RedisServer[] = [];
    for (const host of hosts) sentinels.push(await startSentinel(host, port));
    for (const [at, host] of hosts.entries())
      await until(
        'it names the master as it was told',
        async () => (await named(sentinels[at]!)) === `${host},${port}`,
      );
    const store = await stores.open(through(sentinels), { isNew: true, futureSkewSeconds: 0 });
    await untilHealthy(store);
    const claim = numberedClaim(1, { timestampSeconds: Math.floor(Date.now() / 1000), futureSkewSeconds: 0 });
    expect(await store.claim(claim)).toEqual({ kind: 'claimed' });
  },
  TEST_MS,
);

it(
  'do not agree where the port is another one, or the name another host',
  async () => {
    const [one, other] = [await start(), await start()];
    const sentinels = [
      await startSentinel('localhost', one.address.port),
      await startSentinel('127.0.0.1', other.address.port),
    ];
    const store = await stores.open(through(sentinels), { isNew: true });
    await untilSaid(store, /1 of 2 sentinels name/);
  },
  TEST_MS,
);
