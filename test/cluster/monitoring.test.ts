/** k8s/monitoring before a real API server that knows the kinds of prometheus-operator. */
import { execFileSync } from 'node:child_process';
import { renderChart } from '../k8s/support/helm.js';
import { tool } from '../k8s/support/manifests.js';
import { ApiServer } from './support/api-server.js';
import { defineKindsOf } from './support/custom-resources.js';

describe('the objects of k8s/monitoring', () => {
  let api: ApiServer;

  beforeAll(async () => {
    api = await ApiServer.start();
    await defineKindsOf(api, 'prometheus-operator');
  }, 180_000);

  afterAll(() => api.stop());

  const rendered = (folder: string): string =>
    execFileSync(tool('kustomize.sh'), ['build', folder], { encoding: 'utf8' });

  it.each(['k8s/monitoring', 'k8s/monitoring/scrape'])('are taken: %s', async (folder) => {
    expect(await api.dryRun(rendered(folder))).toEqual([]);
  });

  it('are taken as the chart renders them', async () => {
    const all = ['podMonitor', 'prometheusRule', 'dashboard'].map((what) => `--set=monitoring.${what}=true`);
    const text = renderChart('orders', ['own-app'], ...all);
    expect(text).toContain('kind: PrometheusRule');
    expect(await api.dryRun(text)).toEqual([]);
  });

  it.each([
    [
      'an unknown field of the PodMonitor',
      'podMetricsEndpoints:',
      'podMetricEndpoints:',
      /podMetricEndpoints/,
    ],
    ['an interval that is none', 'interval: 15s', 'interval: soon', /interval/],
    ['a duration of an alert that is none', 'for: 1m', 'for: a minute', /for/],
  ])('would not be with %s', async (_what, from, to, words) => {
    const text = rendered('k8s/monitoring');
    const broken = text.replace(from, to);
    expect(broken).not.toBe(text);
    expect(await api.dryRun(broken)).toEqual([expect.stringMatching(words) as string]);
  });
});
