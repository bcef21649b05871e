/** Everything that we ship for a cluster is taken by an API server as it is: overlays, component, chart and policies. */
import { execFileSync } from 'node:child_process';
import { BEGINNINGS, renderChart } from '../k8s/support/helm.js';
import { OVERLAYS, renderOverlay, tool } from '../k8s/support/manifests.js';
import { ApiServer } from './support/api-server.js';
import { objectsIn } from './support/kubernetes-object.js';

const build = (folder: string) =>
  execFileSync(tool('kustomize.sh'), ['build', folder], { encoding: 'utf8', stdio: 'pipe' });
const everything: [what: string, render: () => string][] = [
  ...OVERLAYS.map((overlay): [string, () => string] => [
    `the overlay ${overlay}`,
    () => renderOverlay(overlay),
  ]),
  ...['k8s/examples/beside', 'k8s/examples/injected', 'k8s/injection'].map(
    (folder): [string, () => string] => [folder, () => build(folder)],
  ),
  ...BEGINNINGS.map((names): [string, () => string] => [
    `the chart with the values ${names.join(' and ')}`,
    () => renderChart('orders', names),
  ]),
  ['the chart for IPv6 alone', () => chartFor('SingleStack', '{IPv6}')],
  ['the chart for both families', () => chartFor('RequireDualStack', '{IPv6,IPv4}')],
];

function chartFor(policy: string, families: string): string {
  const options = [`--set=service.ipFamilyPolicy=${policy}`, `--set=service.ipFamilies=${families}`];
  return renderChart('orders', ['own-app'], ...options);
}

describe('an API server', () => {
  let api: ApiServer;

  beforeAll(async () => {
    api = await ApiServer.start();
  }, 180_000);

  afterAll(() => api.stop());

  it.each(everything)('takes %s', async (_what, render) => {
    expect(await api.dryRun(render(), { namespace: 'shop' })).toEqual([]);
  });

  it('would not take one with a field that there is not, so that the yes means something', async () => {
    const broken = renderOverlay('single').replace('enableServiceLinks: false', 'enableServiceLink: false');
    expect(await api.dryRun(broken)).toEqual([expect.stringContaining('enableServiceLink') as string]);
  });

  it.each(OVERLAYS)(
    'makes of the pods of the overlay %s what the restricted profile admits',
    async (overlay) => {
      const deployments = objectsIn(renderOverlay(overlay)).filter(({ kind }) => kind === 'Deployment');
      await api.apply(renderOverlay(overlay));
      for (const { spec, metadata } of deployments) {
        const { template } = spec as { template: { metadata: object; spec: object } };
        const pod = {
          apiVersion: 'v1',
          kind: 'Pod',
          ...template,
          metadata: { ...template.metadata, name: 'some' },
        };
        const { refusal } = await api.create(pod, {
          dryRun: true,
          namespace: metadata.namespace ?? 'default',
        });
        expect(refusal).toBe('');
      }
    },
  );
});
