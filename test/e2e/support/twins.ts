/**
 * Two verifiers over one Redis, each a process of its own, behind one Envoy with a listener for each: so a test says
 * which of them a request goes to.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { ConfigurationDocument } from '../../../tools/local-federation/configuration.js';
import { fetchPage } from '../../../tools/local-federation/health.js';
import { parseOwnRedis } from '../../../tools/local-federation/redis.js';
import type { RedisAddress } from '../../../src/storage/redis/settings.js';
import { until } from '../../support/until.js';
import { anyFreePort } from './free-port.js';
import { sendHttp2 } from './http2-client.js';
import type { Door } from './outgoing.js';
import { telemetry } from './requests.js';
import { Stage, type StageOptions } from './stage.js';
import { serves, VerifierProcess } from './verifier-process.js';
import { worldOf, type World } from './world.js';

/** The cluster and the socket of the second verifier. */
const SECOND = 'second';

/** The clusters that lead to a verifier. */
const OURS: ReadonlySet<string> = new Set(['verifier', 'signer', 'access-log', 'other-access-log']);

interface Bootstrap {
  readonly static_resources: {
    readonly listeners: Listener[];
    readonly clusters: { readonly name: string }[];
  };
}

interface Listener {
  name: string;
  /** Of the health listener's knock: there is one for both. */
  additional_addresses?: unknown;
  readonly address: { readonly socket_address: { port_value: number } };
}

/** The same once more under another name: what goes to the verifier goes to the second one. */
function secondOf<T>(original: T): T {
  const text = JSON.stringify(original)
    .replace(/"(cluster_name|name)":"verifier"/g, `"$1":"${SECOND}"`)
    .replace(/"(cluster_name|name)":"((?:other-)?access-log)"/g, `"$1":"$2-of-the-${SECOND}"`)
    .replace(/"(cluster_name|name)":"signer"/g, `"$1":"signer-of-the-${SECOND}"`)
    .replace(/\/verifier\.sock"/g, `/${SECOND}.sock"`);
  return JSON.parse(text) as T;
}

function withSecondListener(text: string, port: number): string {
  const bootstrap = parse(text) as Bootstrap;
  const { listeners, clusters } = bootstrap.static_resources;
  const ingress = listeners.find(({ name }) => name === 'ingress');
  const ours = clusters.filter(({ name }) => OURS.has(name));
  if (ingress === undefined || ours.length !== OURS.size)
    throw new Error('the bootstrap has other names now');
  const second = secondOf(ingress);
  second.name = 'ingress-of-the-second';
  second.address.socket_address.port_value = port;
  delete second.additional_addresses;
  listeners.push(second);
  clusters.push(...ours.map(secondOf));
  return stringify(bootstrap);
}

interface Second {
  readonly port: number;
  readonly adminPort: number;
  readonly start: () => VerifierProcess;
}

/** How twins are to be. */
export interface TwinsOptions extends Pick<StageOptions, 'upstream' | 'patchBootstrap'> {
  readonly redis: RedisAddress;
  readonly patchConfiguration?: (document: ConfigurationDocument) => ConfigurationDocument;
}

export class Twins {
  readonly stage: Stage;
  readonly world: World;
  /** Of the first and of the second verifier. */
  readonly doors: readonly [Door, Door];
  readonly adminUrls: readonly [string, string];
  readonly #startSecond: () => VerifierProcess;
  #second: VerifierProcess;
  #first: Promise<void> = Promise.resolve();

  private constructor(stage: Stage, second: Second) {
    this.stage = stage;
    this.world = worldOf(stage.federation.credentials);
    this.doors = [stage.door, { ...stage.door, port: second.port }];
    const { COUNTERSIGN_ADMIN_URL } = stage.federation.environment;
    this.adminUrls = [COUNTERSIGN_ADMIN_URL, `http://127.0.0.1:${second.adminPort}`];
    this.#startSecond = second.start;
    this.#second = second.start();
  }

  /** Starts both and waits until both doors let a request through. */
  static async open({ redis, patchConfiguration, upstream, patchBootstrap }: TwinsOptions): Promise<Twins> {
    const [port, adminPort] = [await anyFreePort(), await anyFreePort()];
    let document: ConfigurationDocument | undefined;
    const stage = await Stage.open({
      nonces: parseOwnRedis(`redis://${redis.host}:${redis.port}`),
      patchConfiguration: (original) => (document = patchConfiguration?.(original) ?? original),
      ...(upstream && { upstream }),
      patchBootstrap: (text) => withSecondListener(patchBootstrap?.(text) ?? text, port),
    });
    const configurationFile = join(stage.directory, `${SECOND}.yaml`);
    const own = { listen: { socket: `run/${SECOND}.sock` }, admin: { host: '127.0.0.1', port: adminPort } };
    const audit = { file: `audit/${SECOND}.ndjson` };
    writeFileSync(configurationFile, stringify({ ...document, ...own, audit }), { mode: 0o600 });
    const logFile = join(stage.federation.layout.run, `${SECOND}.log`);
    const start = (): VerifierProcess => new VerifierProcess({ configurationFile, logFile });
    const twins = new Twins(stage, { port, adminPort, start });
    try {
      await twins.untilServing();
      return twins;
    } catch (error) {
      await twins.close();
      throw error;
    }
  }

  /** Ends both verifiers and starts them anew, without waiting until they serve. */
  async restart(): Promise<void> {
    await Promise.all([this.stage.federation.interrupt('verifier'), this.#second.stop()]);
    this.#first = this.stage.federation.resume('verifier');
    // Who waits for it hears of its end; until then nobody does.
    this.#first.catch(() => undefined);
    this.#second = this.#startSecond();
  }

  /** Resolves when both serve and the second's door lets a request through. */
  async untilServing(): Promise<void> {
    await this.#first;
    await serves(join(this.stage.federation.layout.run, `${SECOND}.sock`));
    await until('the second door lets a request through', async () => (await this.#probe()) === 202, {
      atMostMs: 30_000,
    });
  }

  /** Checks that Envoy has sent to each verifier so far. */
  async checks(): Promise<readonly [number, number]> {
    const url = `${this.stage.federation.environment.COUNTERSIGN_ENVOY_ADMIN_URL}/stats?filter=upstream_rq_total`;
    const { body } = await fetchPage(url);
    const of = (cluster: string): number =>
      Number(new RegExp(`^cluster\\.${cluster}\\.upstream_rq_total: (\\d+)$`, 'm').exec(body)?.[1]);
    return [of('verifier'), of(SECOND)];
  }

  /** A metric of each, summed over its labels. */
  async metric(name: string): Promise<readonly [number, number]> {
    const of = async (url: string): Promise<number> => {
      const { body } = await fetchPage(`${url}/metrics`);
      const lines = body.split('\n').filter((line) => line.startsWith(`${name}{`));
      return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    };
    const [first, second] = this.adminUrls;
    return [await of(first), await of(second)];
  }

  async close(): Promise<void> {
    await this.#second.stop();
    await this.stage.close();
  }

  async #probe(): Promise<number> {
    const outgoing = telemetry({ by: this.world.a });
    return (await sendHttp2(this.doors[1], outgoing)).status;
  }
}
