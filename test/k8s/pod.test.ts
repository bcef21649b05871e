/** The pod of the overlay `single`, as its manifests write it: volumes, users, probes, hooks, order and all. */
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ended } from '../container/support/cell.js';
import { layApplication, layCountersign, layEnvoy } from './support/images.js';
import {
  containersOf,
  find,
  manifestsOf,
  renderOverlay,
  type Container,
  type PodSpec,
} from './support/manifests.js';
import { Pod, type ContainerEnd } from './support/pod.js';
import { nonceOption, sendTelemetry, until } from './support/send.js';
import { makeSite, type Site } from './support/site.js';
import { objectsOf, withNarrowFuture, type Objects } from './support/volumes.js';

/** A new store refuses what another one may have let in: for futureSkewSeconds, and the time to start. */
const firstStartSeconds = 60;
/** Half of the time that Envoy is given for it. */
const DRAIN_SHOWN_MILLISECONDS = 10_000;
/** As in a cluster that has IPv6 alone; the pods of the other overlay are reached over IPv4. */
const IPV6_ADDRESS = 'fd00:c5::10';
const manifests = manifestsOf(renderOverlay('single'));
const spec: PodSpec = find(manifests, 'Deployment', 'countersign').spec!.template!.spec;
const container = (name: string): Container => containersOf(spec).find((each) => each.name === name)!;

describe('the pod of the overlay single, reached over IPv6 alone', () => {
  let place: string;
  let site: Site;
  let objects: Objects;
  let pod: Pod;
  const started: Pod[] = [];

  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'cs-pod-'));
    site = await makeSite(join(place, 'site'));
    objects = withNarrowFuture(new Map([...objectsOf(manifests), ...site.objects]));
    const images = new Map([
      ['verifier', layCountersign(place)],
      ['envoy', layEnvoy(place)],
      ['application', layApplication(place)],
    ]);
    pod = await Pod.start({ spec, objects, images, place, address: IPV6_ADDRESS });
    started.push(pod);
    await pod.becomesReady(firstStartSeconds);
  }, 180_000);

  afterAll(async () => {
    for (const each of started) await each.kill();
    rmSync(place, { recursive: true, force: true });
  });

  const send = (...more: string[]): Ended => sendTelemetry(pod, site, place, more);

  function statusOf(path: string): { configuration: { generation: number } } {
    const script = `fetch('http://127.0.0.1:9902${path}').then(async (r) => console.log(await r.text()))`;
    return JSON.parse(pod.runBeside([process.execPath, '-e', script]).output) as never;
  }

  it.each([
    ['verifier', 'startupProbe'],
    ['verifier', 'readinessProbe'],
    ['verifier', 'livenessProbe'],
    ['envoy', 'startupProbe'],
    ['envoy', 'readinessProbe'],
    ['envoy', 'livenessProbe'],
  ] as const)('%s passes its %s', async (name, probe) => {
    const { code, output } = await pod.probe(name, container(name)[probe]!);
    expect({ code, output }).toEqual({ code: 0, output: expect.any(String) as string });
  });

  it('lets a signed request through, and its copy not', () => {
    const once = nonceOption();
    expect(send(...once)).toMatchObject({ code: 0 });
    expect(send(...once)).toMatchObject({ code: 1, output: expect.stringContaining('409') as string });
  });

  it('hides the key of the listener and the feedback keys from whoever does not need them', async () => {
    const read = (file: string) => ['/usr/local/bin/node', '-e', `require('fs').readFileSync('${file}')`];
    expect((await pod.exec('verifier', read('/etc/countersign/feedback-keys/feedback-2026.pem'))).code).toBe(
      0,
    );
    expect((await pod.exec('verifier', read('/etc/countersign/tls/tls.key'))).output).toContain('ENOENT');
    expect((await pod.exec('application', read('/etc/countersign/tls/tls.key'))).output).toContain('ENOENT');
  });

  // Fault: verifier-killed
  it('takes a replay for one after the verifier was killed and started again', async () => {
    const once = nonceOption();
    expect(send(...once)).toMatchObject({ code: 0 });
    await pod.crash('verifier');
    await pod.restart('verifier');
    await until(() => send().code === 0);
    expect(send(...once)).toMatchObject({ code: 1, output: expect.stringContaining('409') as string });
  }, 120_000);

  // Fault: reload-load, reload-bad
  it('takes over a changed ConfigMap by its swapped link, and keeps what it had when that is broken', async () => {
    const configuration = objects.get('ConfigMap/countersign-config')!;
    const good = configuration.get('countersign.yaml')!;
    const before = statusOf('/status').configuration.generation;
    configuration.set('countersign.yaml', `${good}\nunknown: true\n`);
    pod.refresh('verifier-config');
    await until(() => /reload|unknown/.test(pod.log('verifier')));
    expect(send()).toMatchObject({ code: 0 });
    configuration.set('countersign.yaml', good.replace("kid: '2026'", "kid: '2030'"));
    pod.refresh('verifier-config');
    await until(() => statusOf('/status').configuration.generation > before);
    expect(send()).toMatchObject({ code: 1 });
    configuration.set('countersign.yaml', good);
    pod.refresh('verifier-config');
    await until(() => send().code === 0);
  }, 120_000);

  // Fault: certificate-renewed
  it('shows a renewed certificate of the Secret, without a restart', async () => {
    const other = await makeSite(join(place, 'other-site'));
    const secret = other.objects.get('Secret/countersign-tls')!;
    objects.set('Secret/countersign-tls', secret);
    pod.refresh('verifier-tls');
    const wanted = new X509Certificate(secret.get('tls.crt')!).fingerprint256;
    const script = `const s=require('tls').connect({port:8443,host:'127.0.0.1',servername:'localhost',rejectUnauthorized:false},()=>{console.log(s.getPeerCertificate().fingerprint256);process.exit(0)});s.on('error',()=>process.exit(1))`;
    await until(() => pod.runBeside([process.execPath, '-e', script]).output.includes(wanted));
    objects.set('Secret/countersign-tls', site.objects.get('Secret/countersign-tls')!);
    pod.refresh('verifier-tls');
    await until(() => send().code === 0);
  }, 120_000);

  // Fault: drain
  describe('when it is ended', () => {
    let ends: ContainerEnd[];
    const duringDrain: Ended[] = [];
    let readiness: Ended;

    beforeAll(async () => {
      ends = await pod.stop(async () => {
        const endMs = performance.now() + DRAIN_SHOWN_MILLISECONDS;
        while (performance.now() < endMs) {
          duringDrain.push(send());
          await new Promise((done) => setTimeout(done, 1000));
        }
        readiness = await pod.probe('envoy', container('envoy').readinessProbe!);
      });
    }, 90_000);

    it('still serves new connections while clients are told to go', () => {
      expect(duringDrain.filter(({ code }) => code !== 0)).toEqual([]);
      expect(duringDrain.length).toBeGreaterThan(2);
    });

    it('is no longer ready from then on', () => {
      expect(readiness).toMatchObject({ code: 1, output: expect.stringContaining('503') as string });
    });

    it('ends the application, then Envoy, then the verifier, each by itself and in time', () => {
      expect(ends.map(({ name, code }) => [name, code])).toEqual([
        ['application', 0],
        ['envoy', 0],
        ['verifier', 0],
      ]);
      expect(ends.at(-1)!.atSeconds).toBeLessThan(spec.terminationGracePeriodSeconds!);
    });

    it('lets the verifier stop by itself, and not because its time was over', () => {
      expect(pod.log('verifier')).toMatch(/"msg":"stopped"\}\s*$/);
    });
  });
});
