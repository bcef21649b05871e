/** The Helm chart, as a real Helm renders it. `UPDATE=1 npm run -s jest -- test/k8s/helm` copies the sidecars into it. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { BEGINNINGS, CHART, lintChart, refusalOfChart, renderChart } from './support/helm.js';
import {
  containersOf,
  find,
  judge,
  manifestsOf,
  tool,
  type Manifest,
  type PodSpec,
} from './support/manifests.js';
import { sidecarsOf } from './support/sidecars.js';

const COPIES = [
  ['k8s/sidecars/sidecars.yaml', `${CHART}/files/sidecars.yaml`],
  ['k8s/component/deployment.yaml', `${CHART}/files/pod.yaml`],
  ['k8s/monitoring/scrape/pod-monitor.yaml', `${CHART}/files/pod-monitor.yaml`],
  ['k8s/monitoring/prometheus-rule.yaml', `${CHART}/files/prometheus-rule.yaml`],
  ['k8s/monitoring/dashboard.json', `${CHART}/files/dashboard.json`],
] as const;
const podOf = (manifests: readonly Manifest[], name: string): PodSpec =>
  find(manifests, 'Deployment', name).spec!.template!.spec;
const rendered = (release: string, names: readonly string[], ...more: string[]) =>
  manifestsOf(renderChart(release, names, ...more));

it.each(COPIES)('%s is in the chart as it is (`UPDATE=1` copies it)', (source, copy) => {
  if (process.env['UPDATE'] === '1') copyFileSync(source, copy);
  expect(readFileSync(copy, 'utf8')).toBe(readFileSync(source, 'utf8'));
});

it('the chart, its image and the package have one version', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const chart = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8')) as Record<string, string>;
  expect([chart['version'], chart['appVersion']]).toEqual([version, version]);
});

describe.each(BEGINNINGS.map((names) => [names.join(' and '), names] as const))(
  'with the values %s',
  (_, names) => {
    it('passes helm lint', () => {
      expect(lintChart(names)).toBe('');
    });

    it('renders to what Kubernetes’ schemas take, and to no Secret', () => {
      const text = renderChart('orders', names);
      expect(judge(text)).toEqual({ status: 0, stdout: '' });
      expect(manifestsOf(text).filter(({ kind }) => kind === 'Secret')).toEqual([]);
    });

    it('has the sidecars of the component', () => {
      const component = execFileSync(tool('kustomize.sh'), ['build', 'k8s/examples/beside'], {
        encoding: 'utf8',
        stdio: 'pipe',
      });
      const image = ['--set', 'image.repository=registry.example/countersign'];
      const ours = sidecarsOf(podOf(rendered('orders', names, ...image), 'orders-countersign'));
      const theirs = sidecarsOf(podOf(manifestsOf(component), 'orders'));
      expect(ours.containers).toEqual(theirs.containers);
      // The one that differs by itself: it outlives the pod where there is one pod.
      const others = ({ volumes }: typeof ours) =>
        volumes.filter(({ name }) => name !== 'verifier-audit-log');
      expect(others(ours)).toEqual(others(theirs));
    });
  },
);

it('one pod never runs beside another, and its audit log stays', () => {
  const manifests = rendered('orders', ['own-app']);
  const { spec } = find(manifests, 'Deployment', 'orders-countersign');
  expect(spec).toMatchObject({ replicas: 1, strategy: { type: 'Recreate' } });
  const volume = podOf(manifests, 'orders-countersign').volumes!.find(
    ({ name }) => name === 'verifier-audit-log',
  )!;
  const claim = find(manifests, 'PersistentVolumeClaim', volume.persistentVolumeClaim!.claimName);
  expect(claim.metadata).toMatchObject({ annotations: { 'helm.sh/resource-policy': 'keep' } });
});

it('several pods are counted by the autoscaler and replaced one by one, a new one first', () => {
  const manifests = rendered('orders', ['own-app', 'replicated']);
  const { spec } = find(manifests, 'Deployment', 'orders-countersign');
  expect(spec).not.toHaveProperty('replicas');
  expect(spec).toMatchObject({ strategy: { rollingUpdate: { maxUnavailable: 0 } } });
  expect(find(manifests, 'PodDisruptionBudget', 'orders-countersign').spec).toMatchObject({
    maxUnavailable: 1,
  });
  expect(manifests.map(({ kind }) => kind)).not.toContain('PersistentVolumeClaim');
});

const ROTATION = ['every=30d', 'announce=2d', 'overlap=2d', 'directory=/var/lib/countersign/keys'].map(
  (setting) => `--set=config.keys.rotation.${setting}`,
);

it('one pod may make feedback keys on schedule, on its volume', () => {
  const { data } = find(
    rendered('orders', ['own-app'], ...ROTATION),
    'ConfigMap',
    'orders-countersign-config',
  );
  const { keys } = parse(data!['countersign.yaml']!) as { keys: unknown };
  expect(keys).toEqual({
    rotation: { every: '30d', announce: '2d', overlap: '2d', directory: '/var/lib/countersign/keys' },
  });
});

it.each([
  ['several pods with nonces of their own', ['--set', 'replicas=2'], /would each take a request once/],
  ['an autoscaler over such', ['--set', 'autoscaling.enabled=true'], /would each take a request once/],
  [
    'keys on schedule that each of several pods would make for itself',
    ['--set', 'replicas=2', '--set', 'config.nonces.store=redis', ...ROTATION],
    /rotate-key/,
  ],
  ['no application', ['--set', 'application.image.repository='], /application\.image\.repository/],
  ['no policy', ['--set-json', 'config.policies=[]'], /config\/policies/],
  ['a setting that there is not', ['--set', 'replicaCount=1'], /replicaCount/],
  ['a network family that there is not', ['--set', 'service.ipFamilies={IPX}'], /ipFamilies/],
  ['an admin port that others reach', ['--set', 'config.admin.host=0.0.0.0'], /config\/admin\/host/],
  [
    'an Envoy admin port that others reach',
    ['--set', 'config.envoy.admin.address=::'],
    /envoy\/admin\/address/,
  ],
  ['a hole in the NetworkPolicy for everybody', ['--set-json', 'monitoring.scrapers=[]'], /scrapers/],
  ['no time for the drain', ['--set', 'terminationGracePeriodSeconds=30'], /terminationGracePeriodSeconds/],
])('refuses %s', (_what, options, words) => {
  expect(refusalOfChart(['own-app'], ...options)).toMatch(words);
});

it('files of identities and the authority come as they are, whatever is in them and however they are called', () => {
  const identityFiles = { 'a: b': '  indented\nx\n', true: 'yes', '0123': '\r\n\n# no comment' };
  const clientCa = '\n  \n-----BEGIN';
  const options = Object.entries({ identityFiles, clientCa }).map(
    ([name, value]) => `--set-json=${name}=${JSON.stringify(value)}`,
  );
  const manifests = rendered('orders', ['own-app'], ...options);
  expect(find(manifests, 'ConfigMap', 'orders-countersign-identities').data).toEqual(identityFiles);
  expect(find(manifests, 'ConfigMap', 'orders-countersign-client-ca').data).toEqual({ 'ca.crt': clientCa });
});

it('labels and annotations of a site stand beside those of the chart, and take the place of none', () => {
  const own = ['app.kubernetes.io/instance', 'countersign.example/instance', 'team'];
  const annotations = ['countersign.example/envoy-files', 'team'];
  const options = [
    `--set-json=podLabels=${JSON.stringify(Object.fromEntries(own.map((name) => [name, 'mine'])))}`,
    `--set-json=podAnnotations=${JSON.stringify(Object.fromEntries(annotations.map((name) => [name, 'mine'])))}`,
  ];
  const pod = find(rendered('orders', ['own-app'], ...options), 'Deployment', 'orders-countersign').spec!
    .template!;
  expect(own.map((name) => pod.metadata!.labels![name])).toEqual([
    'orders-countersign',
    'orders-countersign',
    'mine',
  ]);
  const { annotations: said } = pod.metadata as unknown as { annotations: Record<string, string> };
  expect(annotations.map((name) => said[name])).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/), 'mine']);
});

it('two releases in a namespace share nothing', () => {
  const [orders, billing] = ['orders', 'billing'].map((release) => {
    const text = renderChart(release, ['own-app', 'replicated']);
    return { text, names: manifestsOf(text).map(({ kind, metadata }) => `${kind}/${metadata.name}`) };
  });
  expect(orders!.names.filter((name) => billing!.names.includes(name))).toEqual([]);
  expect(billing!.text.replaceAll('billing-countersign', 'orders-countersign')).toBe(
    orders!.text.replaceAll('billing-countersign', 'orders-countersign'),
  );
});

it('a release named countersign has the names of k8s/base', () => {
  const manifests = rendered('countersign', ['federation']);
  expect(JSON.stringify(podOf(manifests, 'countersign').volumes)).toContain('"countersign-feedback-keys"');
});

it('changed ports reach containers, probes, Service and NetworkPolicy, also those of each other', () => {
  const ports = {
    'envoy.listener': 8080,
    'envoy.health': 8443,
    'envoy.admin': 9902,
    admin: 9901,
    metrics: 9904,
  };
  const options = Object.entries(ports).map(([of, port]) => `--set=config.${of}.port=${port}`);
  const manifests = rendered('orders', ['own-app'], ...options);
  const containers = containersOf(podOf(manifests, 'orders-countersign'));
  const [verifier, envoy] = ['verifier', 'envoy'].map((name) =>
    containers.find((each) => each.name === name)!,
  );
  expect(envoy!.ports).toEqual([
    { name: 'ingress', containerPort: 8080 },
    { name: 'health', containerPort: 8443 },
  ]);
  expect(verifier!.ports).toEqual([{ name: 'verifier-scrape', containerPort: 9904 }]);
  expect(verifier!.livenessProbe!.exec!.command).toContain('http://127.0.0.1:9901/livez');
  expect(verifier!.lifecycle!.preStop!.exec!.command).toContain('http://127.0.0.1:9902');
  expect(find(manifests, 'Service', 'orders-countersign').spec).toMatchObject({
    ports: [{ targetPort: 8080 }],
  });
  expect(find(manifests, 'NetworkPolicy', 'orders-countersign').spec).toMatchObject({
    ingress: [{ ports: [{ port: 8080 }, { port: 8443 }] }],
  });
});

it.each([
  ['of IPv6 alone', ['SingleStack', '{IPv6}'], ['IPv6']],
  ['of both families', ['RequireDualStack', '{IPv6,IPv4}'], ['IPv6', 'IPv4']],
])('has a Service %s where that is asked', (_what, [policy, families], ipFamilies) => {
  const options = [`--set=service.ipFamilyPolicy=${policy!}`, `--set=service.ipFamilies=${families!}`];
  const { spec } = find(rendered('orders', ['own-app'], ...options), 'Service', 'orders-countersign');
  expect(spec).toMatchObject({ ipFamilyPolicy: policy, ipFamilies });
});

it('a changed policy replaces the pods, as Envoy’s files are rendered when they start; a changed identity does not', () => {
  const stamp = (...more: string[]) => {
    const { template } = find(
      rendered('orders', ['own-app'], ...more),
      'Deployment',
      'orders-countersign',
    ).spec!;
    return (template as unknown as { metadata: { annotations: Record<string, string> } }).metadata
      .annotations['countersign.example/envoy-files'];
  };
  expect(stamp('--set', 'config.operators.operator-b=22222222-2222-4222-8222-222222222222')).toBe(stamp());
  expect(stamp('--set', 'config.policies[0].maxBodyBytes=4096')).not.toBe(stamp());
});

it('its notes name the Secrets and ConfigMaps that are to be made', () => {
  const parameters = [
    'install',
    'orders',
    CHART,
    '--dry-run=client',
    '--values',
    `${CHART}/values-federation.yaml`,
  ];
  const words = execFileSync(tool('helm.sh'), parameters, { encoding: 'utf8', stdio: 'pipe' });
  const notes = words.slice(words.indexOf('NOTES:'));
  for (const name of ['tls', 'client-ca', 'identities', 'audit-key', 'feedback-keys'])
    expect(notes).toContain(`orders-countersign-${name} `);
  expect(notes).not.toContain('orders-countersign-redis');
});

describe('monitoring', () => {
  const ON = ['podMonitor', 'prometheusRule', 'dashboard'].map((what) => `--set=monitoring.${what}=true`);
  const one = (kind: string, name: string, ...more: string[]) =>
    find(rendered('orders', ['own-app'], ...ON, ...more), kind, name);

  it('is off until it is asked for, as it needs kinds that a cluster may not have', () => {
    const kinds = rendered('orders', ['own-app']).map(({ kind }) => kind);
    expect(kinds).not.toContain('PodMonitor');
    expect(kinds).not.toContain('PrometheusRule');
  });

  it('finds the pods of the release, which bear the label of all ways of packaging as well', () => {
    const labels = one('Deployment', 'orders-countersign').spec!.template!.metadata!.labels!;
    const { selector } = one('PodMonitor', 'orders-countersign').spec as unknown as {
      selector: { matchLabels: Record<string, string> };
    };
    expect(labels).toMatchObject({
      'countersign.example/instance': 'orders-countersign',
      ...selector.matchLabels,
    });
    expect(Object.keys(selector.matchLabels).length).toBeGreaterThan(0);
  });

  it('lets the scraper come to the port, and nobody else', () => {
    const { spec } = one('NetworkPolicy', 'orders-countersign-scrape', '--set=config.metrics.port=9904');
    expect(spec).toMatchObject({
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'prometheus' } } }],
          ports: [{ port: 9904 }],
        },
      ],
    });
  });

  it('makes no hole where there is no NetworkPolicy: alone it would let in nobody but the scraper', () => {
    const manifests = rendered('orders', ['own-app'], ...ON, '--set=networkPolicy.enabled=false');
    expect(manifests.map(({ kind }) => kind)).not.toContain('NetworkPolicy');
    expect(manifests.map(({ kind }) => kind)).toContain('PodMonitor');
  });

  it('has the alerts and the dashboard of k8s/monitoring', () => {
    const url = 'https://wiki.internal/runbook';
    const options = ['--set=monitoring.labels.release=stack', `--set=monitoring.runbookUrl=${url}`];
    const rule = one('PrometheusRule', 'orders-countersign', ...options);
    expect(rule.metadata).toMatchObject({ labels: { release: 'stack' } });
    const source = readFileSync('k8s/monitoring/prometheus-rule.yaml', 'utf8');
    const { spec } = parse(source.replaceAll('https://docs.countersign.example/runbook.md', url)) as Manifest;
    expect(rule.spec).toEqual(spec);
    const { data } = one('ConfigMap', 'orders-countersign-dashboard');
    const dashboard = JSON.parse(readFileSync('k8s/monitoring/dashboard.json', 'utf8')) as unknown;
    expect(JSON.parse(data!['countersign.json']!)).toEqual(dashboard);
  });
});
