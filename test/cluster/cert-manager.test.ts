/** The example for cert-manager before a real API server that knows cert-manager's kinds. */
import { execFileSync } from 'node:child_process';
import { tool } from '../k8s/support/manifests.js';
import { ApiServer } from './support/api-server.js';
import { defineKindsOf } from './support/custom-resources.js';

describe('k8s/examples/cert-manager', () => {
  let api: ApiServer;

  beforeAll(async () => {
    api = await ApiServer.start();
    await defineKindsOf(api, 'cert-manager');
  }, 180_000);

  afterAll(() => api.stop());

  const rendered = (): string =>
    execFileSync(tool('kustomize.sh'), ['build', 'k8s/examples/cert-manager'], { encoding: 'utf8' });
  // cert-manager's objects go into a namespace that is there.
  const options = { namespace: 'countersign' };

  it('is taken', async () => {
    expect(await api.dryRun(rendered(), options)).toEqual([]);
  });

  it('would not be with a policy of rotation that there is not', async () => {
    const broken = rendered().replace('rotationPolicy: Always', 'rotationPolicy: Sometimes');
    expect(await api.dryRun(broken, options)).toEqual([expect.stringMatching(/rotationPolicy/) as string]);
  });
});
