/** k8s/monitoring: what Prometheus is told to scrape, its alerts, and that the pages say the same. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { ALERT_CASES, type AlertCase } from './support/alert-cases.js';
import { alertGroups, allAlerts, withAlertTable } from './support/alerts.js';
import {
  containersOf,
  find,
  manifestsOf,
  OVERLAYS,
  podsOf,
  renderOverlay,
  tool,
} from './support/manifests.js';

const RULES = 'rules.yaml';

/** promtool over the rules and these files; what it said, where it did not like them. */
function promtool(parameters: readonly string[], files: Readonly<Record<string, unknown>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'cs-alerts-'));
  try {
    for (const [name, content] of Object.entries({ [RULES]: alertGroups(), ...files }))
      writeFileSync(join(folder, name), stringify(content));
    const { status, stdout, stderr } = spawnSync(tool('promtool.sh'), parameters, {
      cwd: folder,
      encoding: 'utf8',
    });
    return status === 0 ? '' : `${stdout}${stderr}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const alertNamed = new Map(allAlerts().map((alert) => [alert.alert, alert]));

function unitTest({ alert, at, fires, quiet, labels }: AlertCase, firing: boolean) {
  const { labels: own, annotations } = alertNamed.get(alert)!;
  const expected = [{ exp_labels: { ...own, ...labels }, exp_annotations: annotations }];
  return {
    interval: '15s',
    input_series: (firing ? fires : quiet).map(([series, values]) => ({ series, values })),
    alert_rule_test: [{ eval_time: at, alertname: alert, exp_alerts: firing ? expected : [] }],
  };
}

const judge = (firing: boolean): string =>
  promtool(['test', 'rules', 'tests.yaml'], {
    'tests.yaml': {
      rule_files: [RULES],
      evaluation_interval: '15s',
      tests: ALERT_CASES.map((one) => unitTest(one, firing)),
    },
  });

describe('the alerts', () => {
  it('are taken by Prometheus, none twice', () => {
    expect(promtool(['check', 'rules', '--lint-fatal', RULES])).toBe('');
    expect(alertNamed.size).toBe(allAlerts().length);
  });

  it('fire, each of them', () => {
    expect([...new Set(ALERT_CASES.map(({ alert }) => alert))].sort()).toEqual([...alertNamed.keys()].sort());
    expect(judge(true)).toBe('');
  });

  it('do not fire at the nearest thing that is well', () => expect(judge(false)).toBe(''));

  it('would be seen not to fire, so that the yes means something', () => {
    const [one] = ALERT_CASES;
    const broken = { ...one!, fires: one!.quiet };
    const tests = { rule_files: [RULES], evaluation_interval: '15s', tests: [unitTest(broken, true)] };
    expect(promtool(['test', 'rules', 'tests.yaml'], { 'tests.yaml': tests })).toContain('FAILED');
  });

  it('are those of docs/operations.md (UPDATE=1 writes them there)', () => {
    const file = 'docs/operations.md';
    const page = readFileSync(file, 'utf8');
    const right = withAlertTable(page);
    if (process.env['UPDATE'] === '1') writeFileSync(file, right);
    const bare = (text: string): string => text.replace(/[ -]{2,}/g, ' ');
    if (process.env['UPDATE'] !== '1') expect(bare(page)).toBe(bare(right));
  });
});

const rendered = manifestsOf(
  execFileSync(tool('kustomize.sh'), ['build', 'k8s/monitoring'], { encoding: 'utf8' }),
);

// Its queries: test/e2e/dashboard.test.ts.
describe('the dashboard', () => {
  interface Panel {
    readonly id: number;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  }
  const configMap = find(rendered, 'ConfigMap', 'countersign-dashboard');
  const { panels } = JSON.parse(configMap.data!['countersign.json']!) as { readonly panels: Panel[] };

  it('comes to Grafana as a ConfigMap of the label that its sidecar looks for', () => {
    expect(configMap.metadata).toMatchObject({ labels: { grafana_dashboard: '1' } });
  });

  it('has panels that lie beside each other', () => {
    const squares = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(squares).size).toBe(squares.length);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });
});

describe('scraping', () => {
  it.each(OVERLAYS)('finds the verifier of the overlay %s by its label and its port', (overlay) => {
    const manifests = manifestsOf(renderOverlay(overlay));
    const { metadata, spec: pod } = find(manifests, 'Deployment', 'countersign').spec!.template!;
    expect(metadata?.labels).toHaveProperty(['countersign.example/instance']);
    const { port, path } = podMonitor().podMetricsEndpoints[0]!;
    const named = containersOf(pod).flatMap(({ name, ports = [] }) =>
      ports.filter((one) => one.name === port).map(({ containerPort }) => ({ name, containerPort })),
    );
    const { data = {} } = find(manifests, 'ConfigMap', 'countersign-config');
    const { metrics } = parse(data['countersign.yaml']!) as { metrics: { port: number; host: string } };
    expect(named).toEqual([{ name: 'verifier', containerPort: metrics.port }]);
    expect([metrics.host, path]).toEqual(['::', '/metrics']);
    expect(podsOf(manifests).length).toBeGreaterThan(0);
  });

  it('selects pods by the label that all ways of packaging set, as the hole for the scraper does', () => {
    const selector = { matchExpressions: [{ key: 'countersign.example/instance', operator: 'Exists' }] };
    expect(podMonitor().selector).toEqual(selector);
    const { spec } = find(rendered, 'NetworkPolicy', 'countersign-scrape');
    expect(spec).toEqual({
      podSelector: selector,
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [
            {
              namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } },
              podSelector: { matchLabels: { 'app.kubernetes.io/name': 'prometheus' } },
            },
          ],
          ports: [{ port: 9903 }],
        },
      ],
    });
  });

  interface PodMonitor {
    readonly selector: unknown;
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly path: string }[];
  }
  function podMonitor(): PodMonitor {
    return find(rendered, 'PodMonitor', 'countersign').spec as unknown as PodMonitor;
  }
});
