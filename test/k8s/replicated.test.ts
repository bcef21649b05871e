/** The pod of the overlay `replicated` and its Redis, as the manifests write them, in one network. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ended } from '../container/support/cell.js';
import { layApplication, layCountersign, layEnvoy, layRedis } from './support/images.js';
import { containersOf, find, manifestsOf, renderOverlay, type PodSpec } from './support/manifests.js';
import { Pod } from './support/pod.js';
import { nonceOption, sendTelemetry, until } from './support/send.js';
import { makeSite, type Site } from './support/site.js';
import { objectsOf, withNarrowFuture } from './support/volumes.js';

const manifests = manifestsOf(renderOverlay('replicated'));
const specOf = (kind: string, name: string): PodSpec => find(manifests, kind, name).spec!.template!.spec;
const spec = specOf('Deployment', 'countersign');
const verifier = containersOf(spec).find(({ name }) => name === 'verifier')!;
const redisSpec = specOf('StatefulSet', 'countersign-redis');

describe('the pods of the overlay replicated', () => {
  let place: string;
  let site: Site;
  let redis: Pod;
  let pod: Pod;
  const started: Pod[] = [];

  // Redis is away while the pod starts.
  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'cs-pods-'));
    site = await makeSite(join(place, 'site'));
    const objects = withNarrowFuture(new Map([...objectsOf(manifests), ...site.objects]));
    redis = await Pod.start({
      spec: { ...redisSpec, volumes: [...redisSpec.volumes!, { name: 'data', emptyDir: {} }] },
      objects,
      images: new Map([['redis', layRedis(place)]]),
      place: join(place, 'redis'),
    });
    started.push(redis);
    await redis.crash('redis');
    const images = new Map([
      ['verifier', layCountersign(place)],
      ['envoy', layEnvoy(place)],
      ['application', layApplication(place)],
    ]);
    pod = await Pod.start({ spec, objects, images, place: join(place, 'pod'), beside: redis });
    started.push(pod);
  }, 180_000);

  afterAll(async () => {
    for (const each of started.reverse()) await each.kill();
    rmSync(place, { recursive: true, force: true });
  });

  const send = (...more: string[]): Ended => sendTelemetry(pod, site, place, more);
  const isReady = async () => (await pod.probe('verifier', verifier.readinessProbe!)).code === 0;
  const isAlive = async () => (await pod.probe('verifier', verifier.livenessProbe!)).code === 0;

  /** What Redis answers to a command of the verifiers' user, or of nobody. */
  async function askRedis(login: readonly string[], ...command: string[]): Promise<string> {
    const client = ['/usr/local/bin/redis-cli', '-p', '6379', '--tls', '--cacert', '/etc/redis/tls/ca.crt'];
    return (await redis.exec('redis', [...client, ...login, ...command])).output;
  }
  const login = () => {
    const password = site.objects.get('Secret/countersign-redis')!.get('password')!;
    return ['--no-auth-warning', '--user', 'countersign', '--pass', password];
  };

  // Fault: redis-absent
  it('start without Redis: alive and not ready, and nothing is let through', async () => {
    expect([await isAlive(), await isReady()]).toEqual([true, false]);
    expect(send()).toMatchObject({ code: 1, output: expect.stringContaining('503') as string });
  });

  // Fault: redis-absent
  it('become ready as soon as Redis is there', async () => {
    await redis.restart('redis');
    await pod.becomesReady(90);
    expect(send()).toMatchObject({ code: 0 });
  }, 120_000);

  // Fault: redis-killed
  it('take a replay for one after Redis was killed and started again', async () => {
    await until(() => send().code === 0);
    const once = nonceOption();
    expect(send(...once)).toMatchObject({ code: 0 });
    await redis.crash('redis');
    await until(async () => !(await isReady()));
    expect(await isAlive()).toBe(true);
    await redis.restart('redis');
    // It cannot know what a Redis that was killed had lost: it waits until nothing of that is fresh.
    await pod.becomesReady(60);
    // A user `default` without rights makes Redis skip every transaction of its own log.
    expect(redis.log('redis')).not.toContain('CRITICAL');
    expect(send(...once)).toMatchObject({ code: 1, output: expect.stringMatching(/409|503/) as string });
  }, 150_000);

  // Fault: redis-access
  it('have a Redis that answers nobody without a password', async () => {
    expect(await askRedis([], 'get', 'countersign:anything')).toContain('NOAUTH');
  });

  // Fault: redis-access
  it.each([
    ['forget everything', ['flushall']],
    ['see other keys', ['get', 'somebody-elses']],
    ['change the configuration', ['config', 'set', 'maxmemory-policy', 'allkeys-lru']],
    ['list the keys', ['keys', '*']],
    ['save to another place', ['replicaof', '127.0.0.1', '1']],
  ])('have a Redis that does not let the verifiers themselves %s', async (_what, command) => {
    expect(await askRedis(login(), ...command)).toContain('NOPERM');
  });

  // Fault: redis-evicts
  it('have a Redis that evicts nothing', async () => {
    expect(await askRedis(login(), 'info', 'memory')).toContain('maxmemory_policy:noeviction');
  });
});
