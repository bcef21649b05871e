/**
 * What the check adds for a client: (c) of the benchmark; and what signing the answer adds for a consumer. The
 * same Envoy, the same load at a fixed rate, with and without the filter in its chain. Latency counts from the moment at which a request was due, so that
 * a server that falls behind cannot hide it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { AddressInfo } from 'node:net';
import { parseDocument } from 'yaml';
import { findEnvoy } from '../../tools/local-federation/envoy-files.js';
import { startFederation, type Federation } from '../../tools/local-federation/federation.js';
import { envoyPlan } from '../../tools/local-federation/plans.js';
import { startProcess } from '../../tools/local-federation/processes.js';
import { adjustments } from './feedback.js';
import {
  benchProducer,
  signedQuery,
  signedTelemetry,
  type BenchProducer,
  type SignedTelemetry,
} from './messages.js';
import { canPin, SERVER_CORE } from './pinned-process.js';

const REQUESTS_PER_SECOND = 1_000;
const BODY_BYTES = 4_096;
const CONNECTIONS = 32;
/** Until the compiler has settled in the verifier, and the queue of that time is gone. */
const WARM_UP_SECONDS = 5;
const READY_TRIES = 100;
const READY_PAUSE_MILLISECONDS = 50;
const EXT_AUTHZ = 'envoy.filters.http.ext_authz';
/** The signer, and the guard that lets nothing pass which it has not marked. */
const SIGNING = ['envoy.filters.http.ext_proc', 'envoy.filters.http.lua'];
const QUERIES_PER_SECOND = 100;
const ADJUSTMENTS = 10;

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

/** What one run of (c) showed. */
export interface EnvoyFigures {
  readonly without: Latency;
  readonly with: Latency;
}

/** The check of telemetry of 4 KiB, `seconds` each. Throws when a request was not let through. */
export function benchThroughEnvoy(seconds: number): Promise<EnvoyFigures> {
  const load = { requestsPerSecond: REQUESTS_PER_SECOND, seconds };
  return compare(load, [EXT_AUTHZ], (producer, fingerprint) => ({
    path: '/internal/v1/telemetry',
    status: 202,
    ...signedTelemetry(producer, BODY_BYTES, fingerprint),
  }));
}

/** The signature of an answer of ten adjustments, `seconds` each. */
export function benchSigningThroughEnvoy(seconds: number): Promise<EnvoyFigures> {
  const load = { requestsPerSecond: QUERIES_PER_SECOND, seconds };
  return compare(load, SIGNING, (producer, fingerprint) => ({
    path: FEEDBACK_PATH,
    status: 200,
    ...signedQuery(producer, fingerprint),
  }));
}

const FEEDBACK_PATH = '/internal/v1/cognitive/feedback/adjustments/query';

interface Load {
  readonly requestsPerSecond: number;
  readonly seconds: number;
}

/** A request to be sent, and the status that it has to get. */
interface SignedRequest extends SignedTelemetry {
  readonly path: string;
  readonly status: number;
}

type MakeRequest = (producer: BenchProducer, certificateSha256: string) => SignedRequest;

/** With the whole filter chain, and then without some of it. */
async function compare(load: Load, without: readonly string[], make: MakeRequest): Promise<EnvoyFigures> {
  const upstream = await startUpstream();
  const place = mkdtempSync(join(tmpdir(), 'csb-'));
  const { port } = upstream.address() as AddressInfo;
  const own = { url: `http://127.0.0.1:${port}`, address: '127.0.0.1', port };
  const federation = await startFederation({ stateDirectory: place, upstream: own, lifetime: 'caller' });
  try {
    const whole = await measure(federation, load, make);
    await takeOut(federation, without);
    return { with: whole, without: await measure(federation, load, make) };
  } finally {
    await federation.stop();
    upstream.closeAllConnections();
    upstream.close();
    rmSync(place, { recursive: true, force: true });
  }
}

/** The application is not what is measured: it reads the body and answers. */
async function startUpstream(): Promise<Server> {
  const server = createServer((incoming, answer) => {
    const tenant = String(incoming.headers['x-countersign-tenant']);
    const isQuery = incoming.url === FEEDBACK_PATH;
    const text = isQuery ? JSON.stringify(adjustments(ADJUSTMENTS, tenant)) : '{"accepted":true}';
    incoming
      .resume()
      .on('end', () =>
        answer.writeHead(isQuery ? 200 : 202, { 'content-type': 'application/json' }).end(text),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function measure(
  federation: Federation,
  { requestsPerSecond, seconds }: Load,
  make: MakeRequest,
): Promise<Latency> {
  for (const name of ['envoy', 'verifier'] as const) pin(federation.pid(name));
  const prepare = preparer(federation, make);
  await atFixedRate(prepare, { requestsPerSecond, seconds: WARM_UP_SECONDS });
  return atFixedRate(prepare, { requestsPerSecond, seconds });
}

/** The same Envoy, started again alone: without the check, the federation would not call itself healthy. */
async function takeOut(federation: Federation, filters: readonly string[]): Promise<void> {
  const { layout, environment } = federation;
  const bootstrap = withoutFilters(readFileSync(layout.envoyFile, 'utf8'), filters);
  writeFileSync(layout.envoyFile, bootstrap);
  await federation.interrupt('envoy');
  await startProcess(layout, envoyPlan(layout, await findEnvoy(layout, undefined), [bootstrap]), 'caller');
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const ready = await fetch(`${environment.COUNTERSIGN_ENVOY_ADMIN_URL}/ready`).catch(() => undefined);
    if (ready?.status === 200) return;
    await delay(READY_PAUSE_MILLISECONDS);
  }
  throw new Error(`Envoy without ${filters.join(' and ')} did not become ready`);
}

function pin(pid: number | undefined): void {
  if (canPin && pid !== undefined) spawnSync('taskset', ['-acp', String(SERVER_CORE), String(pid)]);
}

/** Takes filters, and what routes say to them, out of a bootstrap. */
function withoutFilters(bootstrap: string, filters: readonly string[]): string {
  const document = parseDocument(bootstrap);
  const plain = JSON.parse(JSON.stringify(document.toJS()), (_key, value: unknown) => {
    if (Array.isArray(value)) return (value as unknown[]).filter((entry) => !isNamed(entry, filters));
    if (isRecord(value))
      return Object.fromEntries(Object.entries(value).filter(([name]) => !filters.includes(name)));
    return value;
  }) as unknown;
  return JSON.stringify(plain);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(entry: unknown, names: readonly string[]): boolean {
  return isRecord(entry) && names.includes(String(entry['name']));
}

/** Signed beforehand: the client's core has to carry the client and the application. */
type Prepared = () => Promise<void>;

/** Each call prepares a fresh event, to be sent over one of the kept connections. */
function preparer(federation: Federation, make: MakeRequest): () => Prepared {
  const { environment, credentials, layout } = federation;
  const file = (path: string): Buffer => readFileSync(join(layout.root, path));
  const agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    ca: credentials.authority,
    cert: file(environment.COUNTERSIGN_CLIENT_CERT_FILE),
    key: file(environment.COUNTERSIGN_CLIENT_KEY_FILE),
  });
  const producer: BenchProducer = {
    ...benchProducer(''),
    identity: environment.COUNTERSIGN_SERVICE_IDENTITY,
    operator: environment.COUNTERSIGN_OPERATOR_ID,
    tenant: environment.COUNTERSIGN_TENANT_ID,
    privateKey: credentials.producerA.signingKey,
  };
  return () => {
    const { path, status, headers, body } = make(producer, environment.COUNTERSIGN_CLIENT_CERT_SHA256);
    const url = environment.COUNTERSIGN_URL + path;
    const options = { method: 'POST', agent, headers: Object.fromEntries(headers) };
    return () =>
      new Promise((resolve, reject) => {
        const sent = request(url, options, (answer) => {
          answer
            .resume()
            .on('end', () =>
              answer.statusCode === status
                ? resolve()
                : reject(new Error(`got ${String(answer.statusCode)}`)),
            );
        });
        sent.on('error', reject).end(body);
      });
  };
}

async function atFixedRate(prepare: () => Prepared, { requestsPerSecond, seconds }: Load): Promise<Latency> {
  const requests = Array.from({ length: seconds * requestsPerSecond }, prepare);
  const latencies: number[] = [];
  const pending: Promise<void>[] = [];
  const started = performance.now();
  for (const [number, send] of requests.entries()) {
    const dueMs = started + (number * 1000) / requestsPerSecond;
    // One that is late lets answers in all the same: a sender that never looks up measures itself.
    if (dueMs <= performance.now()) await nextTurn();
    while (dueMs > performance.now()) await delay(1);
    pending.push(send().then(() => void latencies.push(performance.now() - dueMs)));
  }
  await Promise.all(pending);
  latencies.sort((left, right) => left - right);
  const at = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
