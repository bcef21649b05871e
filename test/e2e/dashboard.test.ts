/**
 * The dashboard and the alerts of k8s/monitoring over a real Prometheus, which scrapes the metrics port of a real verifier
 * with traffic through Envoy: every query has an answer. What that verifier has not (Redis, workers, holders of the log) is
 * shown beside it by the same code.
 */
import { readFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { connect } from 'node:tls';
import { startMetricsServer } from '../../src/observability/metrics-server.js';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { allAlerts } from '../k8s/support/alerts.js';
import { PrometheusServer } from '../support/prometheus-server.js';
import { rarerMetrics, supervisorMetrics } from '../support/rarer-metrics.js';
import { until } from '../support/until.js';
import { anyFreePort } from './support/free-port.js';
import { feedback, graph, telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf } from './support/world.js';

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const dashboard = JSON.parse(readFileSync('k8s/monitoring/dashboard.json', 'utf8')) as {
  readonly panels: readonly Panel[];
};
const targets = dashboard.panels.flatMap(({ title, targets: some = [] }) =>
  some.map(({ expr, legendFormat }): [string, string, string] => [title, expr, legendFormat]),
);

/** As Grafana would fill it in; a minute has a hundred scrapes. */
const filledIn = (expression: string): string =>
  expression.replaceAll('$__rate_interval', '1m').replaceAll('$application', '.*');

let stage: Stage;
let prometheus: PrometheusServer;
let talking = true;
let talk: Promise<void>;
const servers: Server[] = [];

beforeAll(async () => {
  const port = await anyFreePort();
  stage = await Stage.open({
    patchConfiguration: (document: ConfigurationDocument) => ({
      ...worldConfiguration(document),
      metrics: { host: '127.0.0.1', port },
    }),
  });
  for (const registry of [rarerMetrics(), supervisorMetrics()])
    servers.push(await startMetricsServer({ host: '127.0.0.1', port: 0, registry }));
  const others = servers.map((server) => (server.address() as AddressInfo).port);
  talk = keepTalking();
  prometheus = await PrometheusServer.start([port, ...others]);
}, 180_000);
afterAll(async () => {
  talking = false;
  await talk;
  await prometheus.stop();
  for (const server of servers) server.close();
  await stage.close();
}, 90_000);

/** Every kind of outcome again and again: a rate is of what happens while it is scraped. */
async function keepTalking(): Promise<void> {
  const { a, b } = worldOf(stage.federation.credentials);
  while (talking) {
    const spoilt = telemetry({ by: a });
    const ours = [telemetry({ by: a }), graph({ by: a }), feedback({ by: a }), telemetry({ by: b })];
    for (const outgoing of [...ours, { ...spoilt, body: Buffer.from('{}') }, { ...spoilt, path: '/a%2Fb' }])
      await stage.send('HTTP/1.1', outgoing);
    await handshakeWithoutCertificate();
    await fetch(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/reload`, { method: 'POST' });
    await pause(100);
  }
}

function handshakeWithoutCertificate(): Promise<void> {
  const { port } = stage.door;
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
    socket.on('error', () => undefined).once('close', () => resolve());
    socket.resume();
  });
}

describe('every query of the dashboard has an answer from a real scrape', () => {
  it.each(targets)('%s: %s', async (_title, expression, legend) => {
    let found: Awaited<ReturnType<PrometheusServer['query']>> = [];
    await until(`an answer to ${expression}`, async () => {
      found = await prometheus.query(filledIn(expression));
      // A quantile of nothing is NaN.
      return found.some(({ value }) => value[1] !== 'NaN');
    });
    const named = [...legend.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!);
    for (const label of named.filter((one) => one !== 'pod'))
      expect(found.map(({ metric }) => Object.keys(metric))).toContainEqual(expect.arrayContaining([label]));
  });

  it('would have none if a metric or a label were not there', async () => {
    expect(await prometheus.query('countersign_decisions_totals')).toEqual([]);
    expect(await prometheus.query('countersign_decisions_total{no_such_label="x"}')).toEqual([]);
    await expect(prometheus.query('rate(countersign_decisions_total')).rejects.toThrow(/parse error/);
  });

  it('is of the application that is chosen', async () => {
    const [title, expression] = targets[0]!;
    const of = (name: string): string => expression.replaceAll('$application', name);
    expect(title).toBe('Serving');
    expect(await prometheus.query(of('orders'))).toHaveLength(1);
    expect(await prometheus.query(of('another'))).toEqual([]);
  });
});

describe('every alert rests on metrics that a scrape has', () => {
  const selectors = allAlerts().flatMap(({ alert, expr }) => {
    const found = expr.matchAll(/\b(countersign_\w+)(\{[^}]*\})?/g);
    // A defect is what the verifier of this test has none of.
    return [...found].map(([, name, labels = '']): [string, string] => [
      alert,
      `${name}${labels.replace('code="internal_error"', 'code!=""')}`,
    ]);
  });

  it.each(selectors)('%s: %s', (_alert, selector) =>
    until(`samples of ${selector}`, async () => (await prometheus.query(selector)).length > 0),
  );
});
