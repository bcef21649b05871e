import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import {
  containersOf,
  find,
  judge,
  manifestsOf,
  OVERLAYS,
  podsOf,
  renderOverlay,
  type Container,
  type Manifest,
  type Overlay,
  type PodSpec,
} from './support/manifests.js';

const rendered = new Map<Overlay, string>(OVERLAYS.map((overlay) => [overlay, renderOverlay(overlay)]));
const manifestsIn = (overlay: Overlay) => manifestsOf(rendered.get(overlay)!);
const podOf = (overlay: Overlay): PodSpec =>
  find(manifestsIn(overlay), 'Deployment', 'countersign').spec!.template!.spec;
const containerOf = (overlay: Overlay, name: string): Container =>
  containersOf(podOf(overlay)).find((each) => each.name === name)!;
const everyPod = OVERLAYS.flatMap((overlay) =>
  podsOf(manifestsIn(overlay)).map(([name, pod]): [Overlay, string, PodSpec] => [overlay, name, pod]),
);
const everyContainer = everyPod.flatMap(([overlay, pod, spec]) =>
  containersOf(spec).map((container): [Overlay, string, string, Container, PodSpec] => [
    overlay,
    pod,
    container.name,
    container,
    spec,
  ]),
);

describe.each(OVERLAYS)('the overlay %s', (overlay) => {
  it('is valid by the schemas of Kubernetes', () => {
    expect(judge(rendered.get(overlay)!)).toEqual({ status: 0, stdout: '' });
  });

  it.each([
    ['an unknown field', 'enableServiceLinks: false', 'enableServiceLink: false'],
    ['text for a number', 'terminationGracePeriodSeconds: 60', 'terminationGracePeriodSeconds: a minute'],
    ['an unknown kind', 'kind: Deployment', 'kind: Deploymint'],
  ])('would not be with %s, so that the yes means something', (_, from, to) => {
    const broken = rendered.get(overlay)!.replace(from, to);
    expect(broken).not.toBe(rendered.get(overlay));
    expect(judge(broken).status).toBe(1);
  });

  it('holds no Secret: those are the site’s', () => {
    expect(manifestsIn(overlay).filter(({ kind }) => kind === 'Secret')).toEqual([]);
  });

  it('puts everything into one namespace that admits restricted pods alone', () => {
    const [namespace, ...others] = manifestsIn(overlay);
    const labels = (namespace as Manifest & { metadata: { labels: Record<string, string> } }).metadata.labels;
    expect(labels['pod-security.kubernetes.io/enforce']).toBe('restricted');
    expect(new Set(others.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['countersign']));
  });

  it('starts verifier, then Envoy, then the application; the first two as native sidecars', () => {
    const { initContainers = [], containers } = podOf(overlay);
    expect(initContainers.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ['verifier', 'Always'],
      ['envoy', 'Always'],
    ]);
    expect(containers.map(({ name }) => name)).toEqual(['application']);
  });

  it('gives Envoy’s private key to Envoy alone, and the feedback keys to the verifier alone', () => {
    const mounted = (name: string) =>
      containersOf(podOf(overlay))
        .filter(({ volumeMounts = [] }) => volumeMounts.some((mount) => mount.name === name))
        .map((container) => container.name);
    expect(mounted('verifier-tls')).toEqual(['envoy']);
    expect(mounted('verifier-feedback-keys')).toEqual(['verifier']);
    expect(mounted('verifier-audit-key')).toEqual(['verifier']);
    const tlsPublic = podOf(overlay).volumes!.find(({ name }) => name === 'verifier-tls-public')!;
    expect(JSON.stringify(tlsPublic)).not.toContain('tls.key');
  });

  it('keeps the bootstrap of Envoy under a name that changes with it, and the configuration under one that does not', () => {
    const names = manifestsIn(overlay)
      .filter(({ kind }) => kind === 'ConfigMap')
      .map(({ metadata }) => metadata.name);
    expect(names).toContain('countersign-config');
    expect(names).toContainEqual(expect.stringMatching(/^countersign-envoy-[a-z0-9]{10}$/));
  });

  it('leaves time for the whole drain before anything is killed', () => {
    const { terminationGracePeriodSeconds = 0, containers } = podOf(overlay);
    const verifier = containerOf(overlay, 'verifier');
    const preStop = verifier.lifecycle!.preStop!.exec!.command;
    const drainSeconds = Number(preStop[preStop.indexOf('--seconds') + 1]);
    const { limits } = configurationOf(overlay) as { limits: { drainMilliseconds: number } };
    const envoyDrainSeconds = Number(argumentOf(containerOf(overlay, 'envoy'), '--drain-time-s'));
    const leftForTheApplicationSeconds = 15;
    expect(envoyDrainSeconds).toBeLessThan(drainSeconds);
    expect(containers[0]!.lifecycle!.preStop!.sleep!.seconds).toBe(drainSeconds);
    expect(drainSeconds + leftForTheApplicationSeconds + limits.drainMilliseconds / 1000).toBeLessThan(
      terminationGracePeriodSeconds,
    );
  });

  it('keeps its nonces where they outlive the container: on a volume, or in Redis', () => {
    const { store, directory } = configurationOf(overlay)['nonces'] as { store: string; directory?: string };
    const mounts = containerOf(overlay, 'verifier').volumeMounts!;
    const holding = mounts.filter(
      ({ mountPath, readOnly }) => directory?.startsWith(`${mountPath}/`) && readOnly !== true,
    );
    const expected = { single: ['lmdb', ['verifier-state']], replicated: ['redis', []] }[overlay];
    expect([store, holding.map(({ name }) => name)]).toEqual(expected);
  });

  it('keeps its audit log on a volume of its own, under a name that no other volume has', () => {
    const { log } = configurationOf(overlay)['audit'] as { log: { directory: string; origin: string } };
    const [mount, ...others] = containersOf(podOf(overlay))
      .flatMap(({ volumeMounts = [] }) => volumeMounts)
      .filter(({ name }) => name === 'verifier-audit-log');
    // Not its root, where a new file system has a directory already.
    expect(log.directory.startsWith(`${mount!.mountPath}/`)).toBe(true);
    expect([log.origin, others]).toEqual([expect.stringContaining('{instance}'), []]);
    const volume = podOf(overlay).volumes!.find(({ name }) => name === 'verifier-audit-log')!;
    const kind = { single: 'persistentVolumeClaim', replicated: 'ephemeral' }[overlay];
    expect(Object.keys(volume).sort()).toEqual([kind, 'name'].sort());
  });

  it('has the ports of the configuration', () => {
    const { envoy, admin, metrics } = configurationOf(overlay) as Record<
      'envoy' | 'admin' | 'metrics',
      Record<string, { port: number }> & { port: number }
    >;
    const ports = new Map(
      containerOf(overlay, 'envoy').ports!.map(({ name, containerPort }) => [name, containerPort]),
    );
    expect(ports).toEqual(
      new Map([
        ['ingress', envoy['listener']!.port],
        ['health', envoy['health']!.port],
      ]),
    );
    expect(containerOf(overlay, 'verifier').ports).toEqual([
      { name: 'verifier-scrape', containerPort: metrics.port },
    ]);
    const commands = JSON.stringify(containerOf(overlay, 'verifier'));
    expect(commands).toContain(`http://127.0.0.1:${admin.port}/livez`);
    expect(commands).toContain(`http://127.0.0.1:${envoy['admin']!.port}`);
  });

  it('is judged as ready by the nonce store, and as alive without it', () => {
    const { startupProbe, livenessProbe, readinessProbe } = containerOf(overlay, 'verifier');
    for (const probe of [startupProbe, livenessProbe])
      expect(probe!.exec!.command.at(-1)).toMatch(/\/livez$/);
    expect(readinessProbe!.exec!.command).toEqual(expect.arrayContaining(['health', '--socket']));
    expect(containerOf(overlay, 'envoy').livenessProbe).toHaveProperty('tcpSocket');
  });

  it('lets in traffic for Envoy’s listeners alone', () => {
    const { spec } = find(manifestsIn(overlay), 'NetworkPolicy', 'countersign');
    expect(spec).toMatchObject({
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ ports: [{ port: 8443 }, { port: 8080 }] }],
    });
    expect(spec).not.toHaveProperty('egress');
  });
});

describe('the overlays differ', () => {
  it('in their configuration by nothing but the nonces', () => {
    const [single, replicated] = OVERLAYS.map((overlay) => ({
      ...configurationOf(overlay),
      nonces: undefined,
    }));
    expect(replicated).toEqual(single);
  });

  it('single: in an audit log that outlives the pod', () => {
    const claim = podOf('single').volumes!.find(
      ({ name }) => name === 'verifier-audit-log',
    )!.persistentVolumeClaim!;
    expect(find(manifestsIn('single'), 'PersistentVolumeClaim', claim.claimName).spec).toMatchObject({
      accessModes: ['ReadWriteOnce'],
    });
  });

  it('single: in never running two pods at a time', () => {
    const { spec } = find(manifestsIn('single'), 'Deployment', 'countersign');
    expect(spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
  });

  it('replicated: in pods that are counted by the autoscaler and replaced one by one, a new one first', () => {
    const { spec } = find(manifestsIn('replicated'), 'Deployment', 'countersign');
    expect(spec).not.toHaveProperty('replicas');
    expect(spec).toMatchObject({ strategy: { rollingUpdate: { maxUnavailable: 0 } } });
    expect(find(manifestsIn('replicated'), 'HorizontalPodAutoscaler', 'countersign').spec).toMatchObject({
      minReplicas: 2,
    });
    expect(find(manifestsIn('replicated'), 'PodDisruptionBudget', 'countersign').spec).toMatchObject({
      maxUnavailable: 1,
    });
  });

  it('replicated: in a Redis that forgets nothing and evicts nothing, with TLS and a password', () => {
    const { data = {} } = find(manifestsIn('replicated'), 'ConfigMap', 'countersign-redis');
    const lines = data['redis.conf']!.split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'maxmemory-policy noeviction',
        'appendonly yes',
        'appendfsync always',
        'port 0',
      ]),
    );
    expect(configurationOf('replicated')['nonces']).toMatchObject({
      redis: { passwordFile: expect.anything() as unknown, tls: expect.anything() as unknown },
    });
  });
});

// The restricted profile of the Pod Security Standards, and what goes beyond it.
describe.each(everyPod)('overlay %s, pod %s', (_overlay, _name, pod) => {
  it('runs as a user who is not root, with seccomp, and without a token', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(pod.securityContext!.fsGroup).toBeGreaterThan(0);
    expect(pod.automountServiceAccountToken).toBe(false);
  });

  it('mounts no path of its host', () => {
    const kinds = (pod.volumes ?? []).flatMap((volume) =>
      Object.keys(volume).filter((key) => key !== 'name'),
    );
    const claims = ['ephemeral', 'persistentVolumeClaim'];
    const known = ['emptyDir', 'projected', 'secret', 'configMap', ...claims];
    expect(kinds.filter((kind) => !known.includes(kind))).toEqual([]);
  });

  it('lets nobody but user and group read its secrets', () => {
    const secret = (pod.volumes ?? []).filter((volume) => JSON.stringify(volume).includes('"secret'));
    const modes = secret.map((volume) => (volume.secret ?? volume.projected)!.defaultMode);
    expect(new Set(modes)).toEqual(new Set([0o440]));
  });
});

describe.each(everyContainer)('overlay %s, pod %s, container %s', (_overlay, _pod, _name, container, pod) => {
  it('has no privilege, no capability and nothing to write to but its volumes', () => {
    expect(container.securityContext).toMatchObject({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(container.securityContext!.capabilities).not.toHaveProperty('add');
    expect(container.securityContext!.runAsUser ?? pod.securityContext!.runAsUser).toBeGreaterThan(0);
  });

  it('states what it needs, and how much memory it may have', () => {
    expect(container.resources).toMatchObject({
      requests: { cpu: expect.any(String) as string, memory: expect.any(String) as string },
      limits: { memory: expect.any(String) as string },
    });
  });

  it('is an image of a named version', () => {
    expect(container.image).toMatch(/:(?!latest$)[\w.-]+$/);
  });
});

it('the verifier is the image of this version, and Envoy the line that is tested', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(containerOf('single', 'verifier').image).toBe(`countersign:${version}`);
  expect(readFileSync('scripts/envoy.sh', 'utf8')).toContain(
    `version=${/v([\d.]+)$/.exec(containerOf('single', 'envoy').image)![1]}\n`,
  );
});

function configurationOf(overlay: Overlay): Record<string, unknown> {
  const { data = {} } = find(manifestsIn(overlay), 'ConfigMap', 'countersign-config');
  return parse(data['countersign.yaml']!) as Record<string, unknown>;
}

function argumentOf({ args = [] }: Container, name: string): string {
  return args[args.indexOf(name) + 1]!;
}
