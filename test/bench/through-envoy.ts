/**
 * What the check adds for a client: (c) of the benchmark. The same Envoy, the same load at a fixed rate, with
 * and without ext_authz in its filter chain. Latency counts from the moment at which a request was due, so that
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
import { findEnvoy } from '../../examples/local-federation/envoy-files.js';
import { startFederation, type Federation } from '../../examples/local-federation/federation.js';
import { envoyPlan } from '../../examples/local-federation/plans.js';
import { startProcess } from '../../examples/local-federation/processes.js';
import { benchProducer, signedTelemetry, type BenchProducer } from './messages.js';
import { canPin, SERVER_CORE } from './pinned-process.js';

const REQUESTS_PER_SECOND = 1_000;
const BODY_BYTES = 4_096;
const CONNECTIONS = 32;
/** Until the compiler has settled in the verifier, and the queue of that time is gone. */
const WARM_UP_SECONDS = 5;
const READY_TRIES = 100;
const READY_PAUSE_MILLISECONDS = 50;
const EXT_AUTHZ = 'envoy.filters.http.ext_authz';

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

/** Runs both for `seconds` each, a short warm-up before. Throws when a request did not get its 202. */
export async function benchThroughEnvoy(seconds: number): Promise<EnvoyFigures> {
  const upstream = await startUpstream();
  const place = mkdtempSync(join(tmpdir(), 'csb-'));
  const { port } = upstream.address() as AddressInfo;
  const own = { url: `http://127.0.0.1:${port}`, address: '127.0.0.1', port };
  const federation = await startFederation({ stateDirectory: place, upstream: own, lifetime: 'caller' });
  try {
    const withCheck = await measure(federation, seconds);
    await takeOutExtAuthz(federation);
    return { with: withCheck, without: await measure(federation, seconds) };
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
    incoming
      .resume()
      .on('end', () =>
        answer.writeHead(202, { 'content-type': 'application/json' }).end('{"accepted":true}'),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function measure(federation: Federation, seconds: number): Promise<Latency> {
  for (const name of ['envoy', 'verifier'] as const) pin(federation.pid(name));
  const prepare = preparer(federation);
  await atFixedRate(prepare, WARM_UP_SECONDS);
  return atFixedRate(prepare, seconds);
}

/** The same Envoy, started again alone: without the check, the federation would not call itself healthy. */
async function takeOutExtAuthz(federation: Federation): Promise<void> {
  const { layout, environment } = federation;
  const bootstrap = withoutExtAuthz(readFileSync(layout.envoyFile, 'utf8'));
  writeFileSync(layout.envoyFile, bootstrap);
  await federation.interrupt('envoy');
  await startProcess(layout, envoyPlan(layout, await findEnvoy(layout, undefined), [bootstrap]), 'caller');
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const ready = await fetch(`${environment.COUNTERSIGN_ENVOY_ADMIN_URL}/ready`).catch(() => undefined);
    if (ready?.status === 200) return;
    await delay(READY_PAUSE_MILLISECONDS);
  }
  throw new Error('Envoy without ext_authz did not become ready');
}

function pin(pid: number | undefined): void {
  if (canPin && pid !== undefined) spawnSync('taskset', ['-acp', String(SERVER_CORE), String(pid)]);
}

/** Takes the filter and what routes say to it out of a bootstrap. */
function withoutExtAuthz(bootstrap: string): string {
  const document = parseDocument(bootstrap);
  const plain = JSON.parse(JSON.stringify(document.toJS()), (_key, value: unknown) => {
    if (Array.isArray(value)) return (value as unknown[]).filter((entry) => !isNamed(entry, EXT_AUTHZ));
    if (isRecord(value))
      return Object.fromEntries(Object.entries(value).filter(([name]) => name !== EXT_AUTHZ));
    return value;
  }) as unknown;
  return JSON.stringify(plain);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNamed(entry: unknown, name: string): boolean {
  return isRecord(entry) && entry['name'] === name;
}

/** Signed beforehand: the client's core has to carry the client and the application. */
type Prepared = () => Promise<void>;

/** Each call prepares a fresh event, to be sent over one of the kept connections. */
function preparer(federation: Federation): () => Prepared {
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
  const url = `${environment.COUNTERSIGN_URL}/internal/v1/telemetry`;
  return () => {
    const { headers, body } = signedTelemetry(
      producer,
      BODY_BYTES,
      environment.COUNTERSIGN_CLIENT_CERT_SHA256,
    );
    const options = { method: 'POST', agent, headers: Object.fromEntries(headers) };
    return () =>
      new Promise((resolve, reject) => {
        const sent = request(url, options, (answer) => {
          answer
            .resume()
            .on('end', () =>
              answer.statusCode === 202 ? resolve() : reject(new Error(`got ${String(answer.statusCode)}`)),
            );
        });
        sent.on('error', reject).end(body);
      });
  };
}

async function atFixedRate(prepare: () => Prepared, seconds: number): Promise<Latency> {
  const requests = Array.from({ length: seconds * REQUESTS_PER_SECOND }, prepare);
  const latencies: number[] = [];
  const pending: Promise<void>[] = [];
  const started = performance.now();
  for (const [number, send] of requests.entries()) {
    const dueMs = started + (number * 1000) / REQUESTS_PER_SECOND;
    // One that is late lets answers in all the same: a sender that never looks up measures itself.
    if (dueMs > performance.now()) await delay(1);
    else await nextTurn();
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
