/** The Helm chart, rendered by a real Helm. */
import { execFileSync, spawnSync } from 'node:child_process';
import { tool } from './manifests.js';

export const CHART = 'k8s/helm/countersign';

/** What a site may begin with: the values files, one over the other. */
export const BEGINNINGS = [
  ['federation'],
  ['own-app'],
  ['federation', 'replicated'],
  ['own-app', 'replicated'],
] as const;

const valuesOf = (names: readonly string[]): string[] =>
  names.flatMap((name) => ['--values', `${CHART}/values-${name}.yaml`]);

/** The manifests, with the hooks. `more`: options of Helm, such as `--set`. Throws with Helm's words. */
export function renderChart(release: string, names: readonly string[], ...more: string[]): string {
  const parameters = ['template', release, CHART, '--namespace', 'shop', ...valuesOf(names), ...more];
  return execFileSync(tool('helm.sh'), parameters, { encoding: 'utf8', stdio: 'pipe' });
}

/** Helm's words where it renders nothing; undefined where it renders. */
export function refusalOfChart(names: readonly string[], ...more: string[]): string | undefined {
  const parameters = ['template', 'orders', CHART, ...valuesOf(names), ...more];
  const { status, stderr } = spawnSync(tool('helm.sh'), parameters, { encoding: 'utf8' });
  return status === 0 ? undefined : stderr;
}

/** Helm's own check of the chart: its words where it is not content. */
export function lintChart(names: readonly string[]): string {
  const parameters = ['lint', '--strict', '--quiet', CHART, ...valuesOf(names)];
  const { status, stdout, stderr } = spawnSync(tool('helm.sh'), parameters, { encoding: 'utf8' });
  return status === 0 ? '' : stdout + stderr;
}
