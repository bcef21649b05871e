/**
 * The pod of the Helm chart, run as the manifests write it, where it differs from those of the overlays: it renders Envoy's
 * files itself, has names of an instance, and another group. What `helm test` runs, is run.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CHART, renderChart } from './support/helm.js';
import { layApplication, layCountersign, layEnvoy } from './support/images.js';
import { find, manifestsOf } from './support/manifests.js';
import { Pod } from './support/pod.js';
import { nonceOption, sendTelemetry } from './support/send.js';
import { makeSite, type Site } from './support/site.js';
import { objectsOf, type Objects } from './support/volumes.js';

const NARROW = [
  '--set',
  'config.freshness.pastSkewSeconds=120',
  '--set',
  'config.freshness.futureSkewSeconds=5',
];
const manifests = manifestsOf(renderChart('orders', ['federation'], '--set', 'fsGroup=2000', ...NARROW));
const spec = find(manifests, 'Deployment', 'orders-countersign').spec!.template!.spec;

describe('the pod of the chart', () => {
  let place: string;
  let site: Site;
  let pod: Pod;
  const started: Pod[] = [];

  beforeAll(async () => {
    place = mkdtempSync(join(tmpdir(), 'cs-chart-'));
    site = await makeSite(join(place, 'site'));
    const countersign = layCountersign(place);
    const images = new Map([
      ['envoy-files', countersign],
      ['verifier', countersign],
      ['envoy', layEnvoy(place)],
      ['application', layApplication(place)],
    ]);
    const objects = new Map([...objectsOf(manifests), ...ofInstance(site.objects)]);
    pod = await Pod.start({ spec, objects, images, place });
    started.push(pod);
    await pod.becomesReady(60);
  }, 180_000);

  afterAll(async () => {
    for (const each of started) await each.kill();
    rmSync(place, { recursive: true, force: true });
  });

  it('lets a signed request through, and its copy not', () => {
    const once = nonceOption();
    expect(sendTelemetry(pod, site, place, once)).toMatchObject({ code: 0 });
    const copy = sendTelemetry(pod, site, place, once);
    expect(copy).toMatchObject({ code: 1, output: expect.stringContaining('409') as string });
  });

  it('passes what helm test runs', () => {
    expect(asStranger('8443')).toEqual({
      code: 0,
      output: 'a client without a certificate is turned away\n',
    });
  });

  it('would not pass it where nobody asks for a certificate', () => {
    expect(asStranger('8000')).toMatchObject({ code: 1 });
    expect(asStranger('1')).toMatchObject({ code: 1 });
  });

  function asStranger(port: string) {
    const script = readFileSync(`${CHART}/files/refuses-strangers.mjs`, 'utf8');
    return pod.runBeside([process.execPath, '--input-type=module', '--eval', script, '127.0.0.1', port]);
  }
});

/** What a site has made for the base, under the names of the instance. */
function ofInstance(objects: Objects): Objects {
  return new Map(
    [...objects].map(([name, files]) => [name.replace('/countersign-', '/orders-countersign-'), files]),
  );
}
