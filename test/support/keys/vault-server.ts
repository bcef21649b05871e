/** Vault's real Transit engine on loopback (test/oracle/vault): keys, tokens, and faults as a test wants them. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { anyFreePort } from '../../e2e/support/free-port.js';
import { until } from '../until.js';
import { endChild } from '../end-child.js';

const SCRIPT = new URL('../../../scripts/vault-transit.sh', import.meta.url);

/** What a token may; `leaseSeconds` absent: it never ends. */
export interface Grant {
  readonly keys: readonly string[];
  readonly namespace?: string;
  readonly leaseSeconds?: number;
  /** How much longer it is taken than its lease says, so that a machine that is slow loses nothing. */
  readonly graceSeconds?: number;
  readonly renewable?: boolean;
}

/** What happens to requests; the members are explained in test/oracle/vault/control.go. */
export interface VaultFault {
  readonly path?: string;
  readonly times?: number;
  readonly status?: number;
  readonly body?: string;
  readonly location?: string;
  readonly milliseconds?: number;
  readonly hang?: boolean;
  readonly old?: string;
  readonly new?: string;
  readonly cutAt?: number;
  readonly padding?: number;
}

export class VaultServer {
  readonly port: number;
  readonly #controlPort: number;
  readonly #files: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, controlPort: number, files: readonly string[]) {
    this.port = port;
    this.#controlPort = controlPort;
    this.#files = files;
  }

  /** `certificate` and `key`: files, for TLS. Operators' requests go by HTTP alone. */
  static async start(...files: readonly string[]): Promise<VaultServer> {
    const server = new VaultServer(await anyFreePort(), await anyFreePort(), files);
    await server.start();
    return server;
  }

  get url(): string {
    return this.#files.length > 0 ? `https://localhost:${this.port}` : `http://127.0.0.1:${this.port}`;
  }

  /** Again at the same ports, after {@link stop}: with nothing in it. */
  async start(): Promise<void> {
    const ports = [`127.0.0.1:${this.port}`, `127.0.0.1:${this.#controlPort}`];
    const child = spawn(binary(), [...ports, ...this.#files], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    let isListening = false;
    createInterface({ input: child.stdout }).on('line', () => (isListening = true));
    await until('the vault listens', () => isListening);
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    await endChild(child);
  }

  /** What an operator does; `path` below `/v1/transit/`. Not with TLS. */
  async operate(
    path: string,
    body: object = {},
    { namespace = '', method = 'POST' }: { namespace?: string; method?: string } = {},
  ): Promise<unknown> {
    const answer = await fetch(`${this.url}/v1/transit/${path}`, {
      method,
      headers: { 'x-vault-token': 'root', 'x-vault-namespace': namespace },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  }

  /** Makes a key; gives its public half. */
  async makeKey(name: string, namespace = ''): Promise<Buffer> {
    await this.operate(`keys/${name}`, { type: 'ed25519' }, { namespace });
    return this.publicKey(name, 1, namespace);
  }

  async rotate(name: string): Promise<void> {
    await this.operate(`keys/${name}/rotate`);
  }

  /** As the engine says it. */
  async publicKey(name: string, version: number, namespace = ''): Promise<Buffer> {
    const answer = (await this.operate(`keys/${name}`, {}, { method: 'GET', namespace })) as {
      data: { keys: Record<string, { public_key: string }> };
    };
    return Buffer.from(answer.data.keys[version]?.public_key ?? '', 'base64');
  }

  grant(token: string, granted: Grant): Promise<Response> {
    return this.#control('PUT', `token/${token}`, granted);
  }

  revoke(token: string): Promise<Response> {
    return this.#control('DELETE', `token/${token}`);
  }

  /** A role of the Kubernetes login. */
  role(name: string, jwt: string, granted: Grant): Promise<Response> {
    return this.#control('PUT', `role/${name}`, { jwt, grant: granted });
  }

  /** One at a time. */
  break(fault: VaultFault): Promise<Response> {
    return this.#control('PUT', 'fault', fault);
  }

  mend(): Promise<Response> {
    return this.#control('DELETE', 'fault');
  }

  /** How often this was asked, operators included; `path` below `/v1/`. */
  async requests(path: string): Promise<number> {
    const counts = (await (await this.#control('GET', 'requests')).json()) as Record<string, number>;
    return counts[`/v1/${path}`] ?? 0;
  }

  async #control(method: string, path: string, body?: object): Promise<Response> {
    const answer = await fetch(`http://127.0.0.1:${this.#controlPort}/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    return answer;
  }
}

function binary(): string {
  const found = execFileSync(fileURLToPath(SCRIPT), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return found.trim().split('\n').at(-1) ?? '';
}
