/** A real Prometheus on loopback, scraping what a test names, for what only it knows: what a query gives. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoopbackServer } from '../cluster/support/loopback-server.js';
import { anyFreePort } from '../e2e/support/free-port.js';
import { find } from './audit/versity-server.js';

/** A label set and its value. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: { readonly result: readonly Sample[] };
}

/** Twice a second: a rate wants two of them. */
const configurationOf = (ports: readonly number[]): unknown => ({
  global: { scrape_interval: '500ms', scrape_timeout: '500ms' },
  scrape_configs: [
    {
      job_name: 'countersign',
      static_configs: [
        { targets: ports.map((port) => `127.0.0.1:${port}`), labels: { application: 'orders' } },
      ],
    },
  ],
});

export class PrometheusServer {
  readonly #url: string;
  readonly #place: string;
  readonly #server: LoopbackServer;

  private constructor(url: string, place: string, server: LoopbackServer) {
    this.#url = url;
    this.#place = place;
    this.#server = server;
  }

  /** Scrapes the metrics ports at these ports of 127.0.0.1. */
  static async start(ports: readonly number[]): Promise<PrometheusServer> {
    const binary = find('prometheus.sh');
    const place = mkdtempSync(join(tmpdir(), 'cs-prometheus-'));
    const file = join(place, 'prometheus.json');
    writeFileSync(file, JSON.stringify(configurationOf(ports)));
    const address = `127.0.0.1:${await anyFreePort()}`;
    const server = new LoopbackServer('Prometheus', binary, [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(place, 'data')}`,
      `--web.listen-address=${address}`,
      '--log.level=warn',
    ]);
    const prometheus = new PrometheusServer(`http://${address}`, place, server);
    await server.becomes(() =>
      fetch(`http://${address}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
    return prometheus;
  }

  /** What an instant query gives now. Throws with Prometheus' words where it is none. */
  async query(expression: string): Promise<readonly Sample[]> {
    const response = await fetch(`${this.#url}/api/v1/query?query=${encodeURIComponent(expression)}`);
    const answer = (await response.json()) as Answer;
    if (answer.status !== 'success') throw new Error(`${expression}: ${answer.error}`);
    return answer.data.result;
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    rmSync(this.#place, { recursive: true, force: true });
  }
}
