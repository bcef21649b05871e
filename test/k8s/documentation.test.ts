/** What docs/kubernetes.md tells a site to write and to run. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { parse } from 'yaml';
import {
  containersOf,
  find,
  manifestsOf,
  OVERLAYS,
  podsOf,
  renderOverlay,
  tool,
  type Manifest,
  type PodSpec,
} from './support/manifests.js';

const page = readFileSync('docs/kubernetes.md', 'utf8');

/** The overlay of the page in a folder of its own, over the `replicated` of this checkout. */
function renderSite(place: string): string {
  const overlay = 'k8s/overlays/replicated';
  const text = /```yaml\n(resources: \[github\.com\/…\/k8s\/overlays[^]*?)```/.exec(page)![1]!;
  const here = text.replace(/github\.com\/…\/k8s\/overlays\/replicated/, relative(place, resolve(overlay)));
  const configuration = readFileSync(`${overlay}/config/countersign.yaml`, 'utf8');
  writeFileSync(join(place, 'kustomization.yaml'), here);
  writeFileSync(join(place, 'countersign.yaml'), configuration.replace('perMinute: 120', 'perMinute: 60'));
  cpSync('k8s/base/envoy', join(place, 'envoy'), { recursive: true });
  return execFileSync(tool('kustomize.sh'), ['build', place], { encoding: 'utf8', stdio: 'pipe' });
}

it('the overlay of docs/kubernetes.md renders, with its own images and its own configuration', () => {
  const place = mkdtempSync(join(tmpdir(), 'cs-site-'));
  try {
    const manifests = manifestsOf(renderSite(place));
    const { spec } = find(manifests, 'Deployment', 'countersign').spec!.template!;
    const images = containersOf(spec).map(({ image }) => image);
    expect(images).toEqual([
      expect.stringMatching(/^registry\.example\/countersign:/) as string,
      expect.stringMatching(/^envoyproxy\/envoy:/) as string,
      'registry.example/orders:1.4.2',
    ]);
    const { data = {} } = find(manifests, 'ConfigMap', 'countersign-config');
    expect(parse(data['countersign.yaml']!)).toMatchObject({ rateLimit: { perMinute: 60 } });
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});

/** The kustomization of the page that uses that folder of this checkout, among the files of the example. */
function renderSnippet(used: 'component' | 'injection'): Manifest[] {
  const place = mkdtempSync(join(tmpdir(), 'cs-snippet-'));
  try {
    const blocks = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(([, text = '']) => text);
    const text = blocks.find((each) => each.includes(`k8s/${used}?ref=`))!;
    cpSync('k8s/examples/beside', place, { recursive: true });
    const here = text.replace(/github\.com\/…\/(k8s\/\w+)\?ref=v[\d.]+/, (_, path: string) =>
      relative(place, resolve(path)),
    );
    writeFileSync(join(place, 'kustomization.yaml'), here);
    const built = execFileSync(tool('kustomize.sh'), ['build', place], { encoding: 'utf8', stdio: 'pipe' });
    return manifestsOf(built);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

it('the kustomization that takes the component renders to what the example does', () => {
  const example = execFileSync(tool('kustomize.sh'), ['build', 'k8s/examples/beside'], { encoding: 'utf8' });
  expect(renderSnippet('component')).toEqual(manifestsOf(example));
});

it('the kustomization that takes the injection puts a site’s own image into the policy', () => {
  const { spec } = find(renderSnippet('injection'), 'MutatingAdmissionPolicy', 'countersign-injection');
  expect(spec).toMatchObject({
    variables: expect.arrayContaining([
      { name: 'verifierImage', expression: '"registry.example/countersign:0.1.0"' },
    ]) as unknown,
  });
});

/** `configmap NAME` and `secret generic NAME` of everything that the volumes of the pods take. */
function wantedBy(pods: readonly PodSpec[]): string[] {
  const sources = pods
    .flatMap(({ volumes = [] }) => volumes)
    .flatMap((volume) => [volume, ...(volume.projected?.sources ?? [])]);
  const wanted = sources.flatMap(({ configMap, secret }) => [
    ...(configMap === undefined ? [] : [`configmap ${configMap.name}`]),
    ...(secret === undefined ? [] : [`secret generic ${secret.secretName ?? secret.name}`]),
  ]);
  return [...new Set(wanted)];
}

it.each(OVERLAYS)(
  'what the overlay %s wants and does not have is made by commands of the page',
  (overlay) => {
    const manifests = manifestsOf(renderOverlay(overlay));
    const own = manifests.map(({ kind, metadata }) => `${kind.toLowerCase()} ${metadata.name}`);
    const missing = wantedBy(podsOf(manifests).map(([, pod]) => pod)).filter((name) => !own.includes(name));
    expect(missing.length).toBeGreaterThan(3);
    for (const name of missing) expect(page).toContain(`kubectl create ${name} `);
  },
);
