/** The component of kustomize, over a Deployment that knows nothing of it (k8s/examples/beside). */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  containersOf,
  find,
  judge,
  manifestsOf,
  tool,
  type Manifest,
  type PodSpec,
} from './support/manifests.js';
import { parse } from 'yaml';

const BESIDE = 'k8s/examples/beside';
const build = (folder: string) =>
  execFileSync(tool('kustomize.sh'), ['build', folder], { encoding: 'utf8', stdio: 'pipe' });
const text = build(BESIDE);
const manifests = manifestsOf(text);
const deployment = (all: readonly Manifest[], name: string) => find(all, 'Deployment', name);
const podOf = (manifest: Manifest): PodSpec => manifest.spec!.template!.spec;
const before = parse(readFileSync(join(BESIDE, 'orders.yaml'), 'utf8')) as Manifest;

/** ConfigMaps and Secrets that the volumes of a pod take. */
function takenBy({ volumes = [] }: PodSpec): string[] {
  const sources = volumes.flatMap((volume) => [volume, ...(volume.projected?.sources ?? [])]);
  const names = sources.flatMap(({ configMap, secret }) => [
    configMap?.name,
    secret?.secretName ?? secret?.name,
  ]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/** The example for another application in the same namespace. */
function buildFor(name: string, change = (text: string) => text): Manifest[] {
  const place = mkdtempSync(join(tmpdir(), 'cs-beside-'));
  try {
    cpSync('k8s', join(place, 'k8s'), { recursive: true });
    const folder = join(place, BESIDE);
    for (const file of ['orders.yaml', 'kustomization.yaml']) {
      const content = readFileSync(join(folder, file), 'utf8');
      const renamed = content.replaceAll('name: orders', `name: ${name}`);
      writeFileSync(join(folder, file), file === 'orders.yaml' ? change(renamed) : renamed);
    }
    return manifestsOf(build(folder));
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

describe('the component', () => {
  it('leaves an application its own volumes, however they are called', () => {
    const own = ['state', 'config', 'tls', 'socket', 'redis', 'audit-log'];
    const volumes = own.map((name) => `        - { name: ${name}, emptyDir: {} }\n`).join('');
    const pod = podOf(
      deployment(
        buildFor('orders', (text) => `${text}      volumes:\n${volumes}`),
        'orders',
      ),
    );
    const { volumes: rendered = [] } = pod;
    expect(rendered.filter(({ name }) => own.includes(name))).toEqual(
      own.map((name) => ({ name, emptyDir: {} })),
    );
    const mounted = (pod.initContainers ?? []).flatMap(({ volumeMounts = [] }) => volumeMounts);
    expect(mounted.filter(({ name }) => own.includes(name))).toEqual([]);
  });

  it('renders to what Kubernetes’ schemas take', () => {
    expect(judge(text)).toEqual({ status: 0, stdout: '' });
  });

  it('brings no Namespace and no Secret', () => {
    const kinds = manifests.map(({ kind }) => kind).sort();
    expect(kinds).toEqual(['ConfigMap', 'Deployment', 'NetworkPolicy', 'Service']);
  });

  it('leaves the application, its selector and its own init containers as they were', () => {
    const after = deployment(manifests, 'orders');
    expect(after.spec!['selector']).toEqual(before.spec!['selector']);
    expect(podOf(after).containers).toEqual(podOf(before).containers);
    expect(podOf(after).initContainers!.slice(-1)).toEqual(podOf(before).initContainers);
  });

  it('starts what renders Envoy’s files, then the verifier, then Envoy, before everything else', () => {
    const names = podOf(deployment(manifests, 'orders')).initContainers!.map(({ name }) => name);
    expect(names).toEqual(['envoy-files', 'verifier', 'envoy', 'migrate']);
  });

  it('has one version of its image', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    const ours = containersOf(podOf(deployment(manifests, 'orders'))).filter(({ image }) =>
      image.includes('countersign'),
    );
    expect(ours.map(({ name, image }) => [name, image])).toEqual([
      ['envoy-files', `registry.example/countersign:${version}`],
      ['verifier', `registry.example/countersign:${version}`],
    ]);
  });

  it('renders Envoy’s files where no private key and no secret is', () => {
    const pod = podOf(deployment(manifests, 'orders'));
    const mounts = containersOf(pod).find(({ name }) => name === 'envoy-files')!.volumeMounts!;
    expect(mounts.map(({ name }) => name)).toEqual([
      'verifier-config',
      'verifier-tls-public',
      'verifier-envoy-config',
      'verifier-no-token',
    ]);
  });

  it('lets nobody but the sidecars and nothing but their volumes near the keys', () => {
    const { containers, initContainers = [] } = podOf(deployment(manifests, 'orders'));
    for (const { volumeMounts = [] } of [...containers, ...initContainers.slice(3)])
      expect(volumeMounts).toEqual([]);
  });

  it('names what it takes by the instance, so that two applications in a namespace share nothing', () => {
    const [orders, billing] = [manifests, buildFor('billing')];
    const ours = takenBy(podOf(deployment(orders, 'orders')));
    const theirs = takenBy(podOf(deployment(billing, 'billing')));
    for (const name of ours) expect(name).toMatch(/^orders-countersign-/);
    expect(theirs).toEqual(ours.map((name) => name.replace('orders', 'billing')).sort());
    const selected = [orders, billing].map((all, index) => {
      const name = `${['orders', 'billing'][index]!}-countersign`;
      const { selector } = find(all, 'Service', name).spec as { selector: object };
      const { podSelector } = find(all, 'NetworkPolicy', name).spec as {
        podSelector: { matchLabels: object };
      };
      expect(podSelector.matchLabels).toEqual(selector);
      return selector;
    });
    expect(selected).toEqual([
      { 'countersign.example/instance': 'orders' },
      { 'countersign.example/instance': 'billing' },
    ]);
  });

  it('sends traffic to Envoy by the number of its port, which no port of the application can stand in for', () => {
    const { ports } = find(manifests, 'Service', 'orders-countersign').spec as { ports: object[] };
    expect(ports).toEqual([expect.objectContaining({ targetPort: 8443 })]);
  });
});
