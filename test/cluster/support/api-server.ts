/**
 * A real kube-apiserver with a real etcd on loopback, for what only it knows: whether it would take an object
 * (`dryRun`), and what its admission makes of one. There is no controller and no kubelet: nothing of it ever runs.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { anyFreePort } from '../../e2e/support/free-port.js';
import { find } from '../../support/audit/versity-server.js';
import { objectsIn, type ApiAnswer, type KubernetesObject } from './kubernetes-object.js';
import { LoopbackServer } from './loopback-server.js';
import { Resources } from './resources.js';

export interface CreateOptions {
  /** Only judged (and mutated), not kept. */
  readonly dryRun?: boolean;
  /** For an object of a namespaced kind that names none. Default: `default`. */
  readonly namespace?: string;
}

const TOKEN = 'token-of-this-test';

export class ApiServer {
  /** For kubectl, istioctl and whatever else reads one. */
  readonly kubeconfig: string;
  readonly #port: number;
  readonly #place: string;
  readonly #servers: readonly LoopbackServer[];
  readonly #resources = new Resources((path) => this.request('GET', path));

  private constructor(port: number, place: string, servers: readonly LoopbackServer[]) {
    this.#port = port;
    this.#place = place;
    this.#servers = servers;
    this.kubeconfig = join(place, 'kubeconfig');
  }

  /** Takes some seconds; the binaries are found or built first (`scripts/kube-apiserver.sh`, `scripts/etcd.sh`). */
  static async start(): Promise<ApiServer> {
    const [apiServer, etcd] = [find('kube-apiserver.sh'), find('etcd.sh')];
    const place = mkdtempSync(join(tmpdir(), 'cs-api-server-'));
    const etcdPort = await anyFreePort();
    const port = await anyFreePort();
    const store = new LoopbackServer('etcd', etcd, etcdOptions(place, etcdPort, await anyFreePort()));
    await store.becomes(() => answers(`http://127.0.0.1:${etcdPort}/health`));
    const server = new LoopbackServer('kube-apiserver', apiServer, serverOptions(place, etcdPort, port));
    const api = new ApiServer(port, place, [server, store]);
    try {
      await server.becomes(() => api.isReady());
      writeFileSync(api.kubeconfig, kubeconfig(port, place));
      return api;
    } catch (error) {
      await api.stop();
      throw error;
    }
  }

  /** One request; rejects only when the server cannot be reached. `path`: with its query. */
  async request(method: string, path: string, content?: unknown): Promise<ApiAnswer> {
    const { status, body: text } = await this.#send(method, path, content);
    // Of a group that it does not know it speaks in plain words.
    const body = (text.startsWith('{') ? JSON.parse(text) : { message: text }) as ApiAnswer['body'];
    return { status, body, refusal: status < 400 ? '' : refusalOf(body) };
  }

  /** Has one object made, or judged as if; unknown fields and values out of range are refused. */
  async create(object: KubernetesObject, options: CreateOptions = {}): Promise<ApiAnswer> {
    const path = await this.#resources.pathOf(object, options.namespace ?? 'default');
    if (path === undefined) return unknownKind(object);
    const query = options.dryRun === true ? '&dryRun=All' : '';
    return this.request('POST', `${path}?fieldValidation=Strict${query}`, object);
  }

  /**
   * Has every object of a manifest judged; gives the refusals, so an empty list is a yes. Its namespaces are made
   * (nothing is judged in one that is not there) and stay.
   */
  async dryRun(manifest: string, options: CreateOptions = {}): Promise<string[]> {
    const objects = objectsIn(manifest);
    await this.#makeNamespaces(objects, options.namespace);
    const refusals: string[] = [];
    for (const object of objects) {
      const { status, refusal } = await this.create(object, { ...options, dryRun: true });
      const isThere = object.kind === 'Namespace' && status === 409;
      if (refusal !== '' && !isThere) refusals.push(refusal);
    }
    return refusals;
  }

  /** Has every object of a manifest made; rejects with the first refusal. */
  async apply(manifest: string, options: CreateOptions = {}): Promise<void> {
    for (const object of objectsIn(manifest)) {
      const { status, refusal } = await this.create(object, options);
      if (refusal !== '' && status !== 409) throw new Error(refusal);
    }
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) await server.stop();
    rmSync(this.#place, { recursive: true, force: true });
  }

  async isReady(): Promise<boolean> {
    return this.#send('GET', '/readyz').then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  async #makeNamespaces(objects: readonly KubernetesObject[], more = 'default'): Promise<void> {
    const made = objects.filter(({ kind }) => kind === 'Namespace');
    const named = new Set([more, ...objects.flatMap(({ metadata }) => metadata.namespace ?? [])]);
    for (const { metadata } of made) named.delete(metadata.name);
    const others = [...named].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
    for (const namespace of [...made, ...others]) await this.create(namespace);
  }

  #send(method: string, path: string, content?: unknown): Promise<{ status: number; body: string }> {
    return new Promise((settle, reject) => {
      const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
      // The certificate is made by the server when it starts, and is its own authority.
      const ca = readFileSync(join(this.#place, 'certificates', 'apiserver.crt'));
      const sent = request({ host: '127.0.0.1', port: this.#port, method, path, headers, ca }, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => (body += text));
        answer.on('end', () => settle({ status: answer.statusCode ?? 0, body })).on('error', reject);
      });
      sent.on('error', reject);
      sent.end(content === undefined ? undefined : JSON.stringify(content));
    });
  }
}

function refusalOf(body: ApiAnswer['body']): string {
  const { message, details } = body as { message?: string; details?: { kind?: string; name?: string } };
  return `${details?.kind ?? ''}/${details?.name ?? ''}: ${message ?? JSON.stringify(body)}`;
}

function unknownKind({ apiVersion, kind, metadata }: KubernetesObject): ApiAnswer {
  const message = `the server knows no ${kind} of ${apiVersion}`;
  return { status: 404, body: { message }, refusal: `${kind}/${metadata.name}: ${message}` };
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

function etcdOptions(place: string, port: number, peerPort: number): string[] {
  const [clients, peers] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  return [
    `--data-dir=${join(place, 'etcd')}`,
    `--listen-client-urls=${clients}`,
    `--advertise-client-urls=${clients}`,
    `--listen-peer-urls=${peers}`,
    `--initial-advertise-peer-urls=${peers}`,
    `--initial-cluster=default=${peers}`,
  ];
}

/** Whoever has the token may do everything; the keys are made for this one server. */
function serverOptions(place: string, etcdPort: number, port: number): string[] {
  const [tokens, serviceKey] = [join(place, 'tokens.csv'), join(place, 'service-accounts.pem')];
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(serviceKey, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  writeFileSync(tokens, `${TOKEN},tester,tester,system:masters\n`, { mode: 0o600 });
  mkdirSync(join(place, 'certificates'));
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    '--advertise-address=127.0.0.1',
    // Nobody looks for it, and loopback is no address that may be published.
    '--endpoint-reconciler-type=none',
    `--secure-port=${port}`,
    `--cert-dir=${join(place, 'certificates')}`,
    `--token-auth-file=${tokens}`,
    '--authorization-mode=AlwaysAllow',
    // As clusters have it: what is privileged is judged by admission.
    '--allow-privileged=true',
    // Nobody makes the account `default` here that it would demand.
    '--disable-admission-plugins=ServiceAccount',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${serviceKey}`,
    `--service-account-signing-key-file=${serviceKey}`,
    '--service-cluster-ip-range=10.0.0.0/16,fd00:10::/112',
  ];
}

function kubeconfig(port: number, place: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name: 'test',
        cluster: {
          server: `https://127.0.0.1:${port}`,
          'certificate-authority': join(place, 'certificates', 'apiserver.crt'),
        },
      },
    ],
    users: [{ name: 'test', user: { token: TOKEN } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    'current-context': 'test',
  });
}
