/** The injection policy in a real API server: who gets the sidecars, who does not, and what is refused. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { find, manifestsOf, tool, type PodSpec } from '../k8s/support/manifests.js';
import { sidecarsOf } from '../k8s/support/sidecars.js';
import { until } from '../support/until.js';
import { ApiServer } from './support/api-server.js';
import type { KubernetesObject } from './support/kubernetes-object.js';

const LABEL = 'countersign.example/inject';
const ENABLED = { 'countersign.example/injection': 'enabled' };
const build = (folder: string) =>
  execFileSync(tool('kustomize.sh'), ['build', folder], { encoding: 'utf8', stdio: 'pipe' });
const namespace = (name: string, labels = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});
const APPLICATION = { name: 'orders', image: 'registry.example/orders:1.4.2' };

describe('the injection policy', () => {
  let api: ApiServer;

  beforeAll(async () => {
    api = await ApiServer.start();
    await api.create(namespace('shop', ENABLED));
    await api.create(namespace('elsewhere'));
    await api.apply(readFileSync('k8s/injection/policy.yaml', 'utf8'));
    // It takes the server a moment until it follows a new policy.
    await until('pods are injected', async () => {
      const { spec } = (await create(pod('orders'))).body as { spec?: PodSpec };
      return spec?.initContainers?.length === 3;
    });
    await until('pods are judged', async () => (await refused(pod('orders', { hostNetwork: true }))) !== '');
  }, 180_000);

  afterAll(() => api.stop());

  function pod(instance: string | undefined, spec: object = {}): Record<string, unknown> {
    const labels = { app: 'orders', ...(instance !== undefined && { [LABEL]: instance }) };
    return { labels, containers: [APPLICATION], ...spec };
  }

  async function create(wanted: Record<string, unknown>, where = 'shop') {
    const { labels, ...spec } = wanted;
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'some', labels }, spec };
    return api.create(object, { dryRun: true, namespace: where });
  }
  async function make(wanted: Record<string, unknown>, where?: string) {
    const { body, refusal } = await create(wanted, where);
    expect(refusal).toBe('');
    return body as unknown as { metadata: { labels: Record<string, string> }; spec: PodSpec };
  }
  const refused = async (wanted: Record<string, unknown>) => (await create(wanted)).refusal;

  it('puts in the sidecars of the component', async () => {
    const component = find(manifestsOf(build('k8s/examples/beside')), 'Deployment', 'orders').spec!.template!
      .spec;
    const { spec } = await make(pod('orders'));
    const theirs = JSON.stringify(sidecarsOf(component)).replaceAll(
      'registry.example/countersign',
      'countersign',
    );
    expect(sidecarsOf(spec)).toEqual(JSON.parse(theirs));
  });

  it('makes of the example what the restricted profile admits', async () => {
    await api.create(namespace('strict', { ...ENABLED, 'pod-security.kubernetes.io/enforce': 'restricted' }));
    const { template } = find(manifestsOf(build('k8s/examples/injected')), 'Deployment', 'orders').spec!;
    const { metadata, spec } = template as unknown as { metadata: { labels: object }; spec: object };
    const { body, refusal } = await create({ labels: metadata.labels, ...spec }, 'strict');
    expect(refusal).toBe('');
    expect(sidecarsOf((body as unknown as { spec: PodSpec }).spec).containers).toHaveLength(3);
  });

  it('puts them before the application’s own init containers, and leaves those and the volumes alone', async () => {
    const initContainers = [{ name: 'migrate', image: 'registry.example/orders:1.4.2' }];
    const volumes = [{ name: 'cache', emptyDir: {} }];
    const { spec } = await make(pod('orders', { initContainers, volumes }));
    expect(spec.initContainers?.map(({ name }) => name)).toEqual([
      'envoy-files',
      'verifier',
      'envoy',
      'migrate',
    ]);
    expect(spec.volumes).toContainEqual({ name: 'cache', emptyDir: {} });
  });

  it('has the application wait until Envoy is drained, unless it has a hook of its own', async () => {
    const postStart = { exec: { command: ['/warm-up'] } };
    const containers = [
      { ...APPLICATION, lifecycle: { postStart } },
      { ...APPLICATION, name: 'other', lifecycle: { preStop: { sleep: { seconds: 40 } } } },
    ];
    const { spec } = await make(pod('orders', { containers }));
    expect(spec.terminationGracePeriodSeconds).toBe(60);
    expect(spec.containers.map(({ lifecycle }) => lifecycle)).toEqual([
      { postStart, preStop: { sleep: { seconds: 20 } } },
      { preStop: { sleep: { seconds: 40 } } },
    ]);
  });

  it('keeps the pod’s own group and a longer end', async () => {
    const own = { securityContext: { fsGroup: 2000 }, terminationGracePeriodSeconds: 300 };
    const { spec } = await make(pod('orders', own));
    expect([spec.securityContext!.fsGroup, spec.terminationGracePeriodSeconds]).toEqual([2000, 300]);
    expect((await make(pod('orders'))).spec.securityContext!.fsGroup).toBe(65532);
  });

  it('says the instance in a label, by which Service and NetworkPolicy find the pod', async () => {
    const { metadata } = await make(pod('orders'));
    expect(metadata.labels).toMatchObject({ 'countersign.example/instance': 'orders', app: 'orders' });
  });

  it.each([
    ['no label', undefined, 'shop'],
    ['the value false', 'false', 'shop'],
    ['a namespace that was not enabled', 'orders', 'elsewhere'],
  ])('leaves a pod alone with %s', async (_what, instance, where) => {
    const { spec } = await make(pod(instance, { hostNetwork: true }), where);
    expect([spec.initContainers ?? [], spec.terminationGracePeriodSeconds]).toEqual([[], 30]);
  });

  it.each([
    ['a verifier of its own', { initContainers: [{ name: 'verifier', image: 'other' }] }, /verifier/],
    ['an Envoy of its own', { containers: [{ name: 'envoy', image: 'other' }] }, /envoy/],
    [
      'a volume of such a name',
      { volumes: [{ name: 'verifier-tls', emptyDir: {} }] },
      /Duplicate value: "verifier-tls"/,
    ],
    [
      'two volumes of one name',
      { volumes: ['a', 'a'].map((name) => ({ name, emptyDir: {} })) },
      /Duplicate value: "a"/,
    ],
    [
      'an application that mounts a key of the sidecars',
      { containers: [{ ...APPLICATION, volumeMounts: [{ name: 'verifier-tls', mountPath: '/tls' }] }] },
      /mounts a volume of the sidecars/,
    ],
    ['the network of the node', { hostNetwork: true }, /past Envoy/],
    ['one process tree for all', { shareProcessNamespace: true }, /reach into the sidecars/],
    ['the process tree of the node', { hostPID: true }, /reach into the sidecars/],
    [
      'a privileged container',
      { containers: [{ ...APPLICATION, securityContext: { privileged: true } }] },
      /privileged on the node/,
    ],
    [
      'a privileged init container',
      { initContainers: [{ name: 'migrate', image: 'x', securityContext: { privileged: true } }] },
      /privileged on the node/,
    ],
    [
      'the files of the node',
      { volumes: [{ name: 'node', hostPath: { path: '/var/lib/kubelet/pods' } }] },
      /hostPath/,
    ],
    [
      'a Secret of the instance under another name',
      { volumes: [{ name: 'mine', secret: { secretName: 'orders-countersign-feedback-keys' } }] },
      /volume of the application holds/,
    ],
    [
      'a Secret of another instance among others',
      {
        volumes: [
          { name: 'mine', projected: { sources: [{ secret: { name: 'payments-countersign-tls' } }] } },
        ],
      },
      /volume of the application holds/,
    ],
    [
      'a Secret of the instance as a variable',
      {
        containers: [
          {
            ...APPLICATION,
            env: [
              {
                name: 'KEY',
                valueFrom: { secretKeyRef: { name: 'orders-countersign-feedback-keys', key: 'a.pem' } },
              },
            ],
          },
        ],
      },
      /variable of the application/,
    ],
    [
      'a Secret of the instance as all variables',
      {
        initContainers: [
          { name: 'migrate', image: 'x', envFrom: [{ secretRef: { name: 'orders-countersign-tls' } }] },
        ],
      },
      /variable of the application/,
    ],
  ])('refuses a pod with %s', async (_what, spec, words) => {
    expect(await refused(pod('orders', spec))).toMatch(words);
  });

  it('leaves the application Secrets, variables and volumes of its own', async () => {
    const own = { name: 'orders-database' };
    const env = [{ name: 'KEY', valueFrom: { secretKeyRef: { ...own, key: 'key' } } }];
    const containers = [{ ...APPLICATION, env, envFrom: [{ secretRef: own }] }];
    const volumes = [
      { name: 'own', secret: { secretName: own.name } },
      { name: 'more', projected: { sources: [{ secret: own }, { configMap: own }] } },
    ];
    const { spec } = await make(pod('orders', { containers, volumes }));
    expect(spec.volumes!.map(({ name }) => name)).toEqual(expect.arrayContaining(['own', 'more']));
  });

  it.each([
    ['empty', ''],
    ['no name', 'Orders_1'],
    ['too long', 'o'.repeat(41)],
  ])('refuses an instance that is %s', async (_what, instance) => {
    expect(await refused(pod(instance))).toMatch(/has to be a name/);
  });

  it('refuses pods that ask for the sidecars when the policy is gone that puts them in', async () => {
    const group = '/apis/admissionregistration.k8s.io/v1';
    await api.request('DELETE', `${group}/mutatingadmissionpolicybindings/countersign-injection`);
    await until('pods are refused', async () => (await refused(pod('orders'))) !== '');
    expect(await refused(pod('orders'))).toMatch(/has no sidecars of countersign/);
  });
});
