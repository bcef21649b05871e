/**
 * What the check adds for a client: (c) of the benchmark; and what signing the answer adds for a consumer. Two Envoys
 * with one configuration, but for the filter, get slices of the same load at a fixed rate in turn. Latency counts from
 * the moment at which a request was due, so that a server that falls behind cannot hide it. Nothing is pinned: Envoy,
 * verifier, application and client share the cores, as those of a sidecar's pod do.
 * By itself: `make bench PART=through-envoy`.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { anyFreePort } from '../e2e/support/free-port.js';
import { findEnvoy } from '../../tools/local-federation/envoy-files.js';
import { startFederation, type Federation } from '../../tools/local-federation/federation.js';
import { adjustments } from './feedback.js';
import { atFixedRate, latencyOf, type Latency, type Load, type Prepare } from './fixed-rate.js';
import {
  benchProducer,
  signedQuery,
  signedTelemetry,
  type BenchProducer,
  type SignedTelemetry,
} from './messages.js';
import { end, freeAllCores, pinClient } from './pinned-process.js';
import { option } from './support.js';

const RATES = [100, 250, 500, 1_000] as const;
const BODY_BYTES = 4_096;
const CONNECTIONS = 32;
/** Until the compiler has settled in the verifier, and the queue of that time is gone. */
const WARM_UP = { requestsPerSecond: 500, seconds: 4 };
const SLICE_SECONDS = 2;
const READY_TRIES = 100;
const READY_PAUSE_MILLISECONDS = 50;
const EXT_AUTHZ = 'envoy.filters.http.ext_authz';
/** The signer, and the guard that lets nothing pass which it has not marked. */
const SIGNING = ['envoy.filters.http.ext_proc', 'envoy.filters.http.lua'];
const QUERIES_PER_SECOND = 100;
const ADJUSTMENTS = 10;

/** What one rate showed, over all slices. */
export interface EnvoyFigures {
  readonly without: Latency;
  readonly with: Latency;
}

/** The check of telemetry of 4 KiB, by requests a second, `seconds` each way. Throws when a request was not let through. */
export async function benchThroughEnvoy(seconds: number): Promise<Record<string, EnvoyFigures>> {
  const loads = RATES.map((requestsPerSecond) => ({ requestsPerSecond, seconds }));
  const figures = await compare(loads, [EXT_AUTHZ], (producer, fingerprint) => ({
    path: '/internal/v1/telemetry',
    status: 202,
    ...signedTelemetry(producer, BODY_BYTES, fingerprint),
  }));
  return Object.fromEntries(RATES.map((rate, at) => [`at_${rate}_per_second`, figures[at]!]));
}

/** The signature of an answer of ten adjustments, `seconds` each way. */
export async function benchSigningThroughEnvoy(seconds: number): Promise<EnvoyFigures> {
  const load = { requestsPerSecond: QUERIES_PER_SECOND, seconds };
  const [figures] = await compare([load], SIGNING, (producer, fingerprint) => ({
    path: FEEDBACK_PATH,
    status: 200,
    ...signedQuery(producer, fingerprint),
  }));
  return figures!;
}

/** Milliseconds that the filter adds. */
export function added({ with: whole, without }: EnvoyFigures): Latency {
  return { p50: whole.p50 - without.p50, p99: whole.p99 - without.p99 };
}

const FEEDBACK_PATH = '/internal/v1/cognitive/feedback/adjustments/query';

/** A request to be sent, and the status that it has to get. */
interface SignedRequest extends SignedTelemetry {
  readonly path: string;
  readonly status: number;
}

type MakeRequest = (producer: BenchProducer, certificateSha256: string) => SignedRequest;

/** With the whole filter chain and without some of it, in turn. */
async function compare(
  loads: readonly Load[],
  without: readonly string[],
  make: MakeRequest,
): Promise<EnvoyFigures[]> {
  freeAllCores();
  const upstream = await startUpstream();
  const place = mkdtempSync(join(tmpdir(), 'csb-'));
  const { port } = upstream.address() as AddressInfo;
  const own = { url: `http://127.0.0.1:${port}`, address: '127.0.0.1', port };
  const federation = await startFederation({ stateDirectory: place, upstream: own, lifetime: 'caller' });
  let bare: BareEnvoy | undefined;
  try {
    bare = await startWithout(federation, without);
    const whole = preparer(federation, federation.environment.COUNTERSIGN_URL, make);
    const less = preparer(federation, bare.url, make);
    await inTurn(whole, less, WARM_UP);
    const figures: EnvoyFigures[] = [];
    for (const load of loads) figures.push(await inTurn(whole, less, load));
    return figures;
  } finally {
    if (bare !== undefined) await end(bare.child);
    await federation.stop();
    upstream.closeAllConnections();
    upstream.close();
    rmSync(place, { recursive: true, force: true });
    pinClient();
  }
}

/** Whoever goes first in one slice goes second in the next one. */
async function inTurn(
  whole: Prepare,
  less: Prepare,
  { requestsPerSecond, seconds }: Load,
): Promise<EnvoyFigures> {
  const slice = { requestsPerSecond, seconds: SLICE_SECONDS };
  const taken = { with: [] as number[], without: [] as number[] };
  const sides = [
    { prepare: whole, into: taken.with },
    { prepare: less, into: taken.without },
  ];
  for (let done = 0; done < seconds; done += SLICE_SECONDS) {
    for (const { prepare, into } of sides) into.push(...(await atFixedRate(prepare, slice)));
    sides.reverse();
  }
  return { with: latencyOf(taken.with), without: latencyOf(taken.without) };
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

interface BareEnvoy {
  readonly child: ChildProcess;
  readonly url: string;
}

/** The same Envoy once more, on ports of its own and without these filters. */
async function startWithout(
  { layout, environment }: Federation,
  filters: readonly string[],
): Promise<BareEnvoy> {
  const url = new URL(environment.COUNTERSIGN_URL);
  const admin = new URL(environment.COUNTERSIGN_ENVOY_ADMIN_URL);
  let bootstrap = withoutFilters(readFileSync(layout.envoyFile, 'utf8'), filters);
  for (const taken of listenerPorts(bootstrap).concat(admin.port)) {
    const port = String(await anyFreePort());
    bootstrap = bootstrap.replace(new RegExp(`\\b${taken}\\b`, 'g'), port);
    for (const place of [url, admin]) if (place.port === taken) place.port = port;
  }
  const file = `${layout.envoyFile}.without.json`;
  writeFileSync(file, bootstrap);
  const args = ['-c', file, '--disable-hot-restart', '--concurrency', '2', '-l', 'warning'];
  const child = spawn(await findEnvoy(layout, undefined), args, { stdio: ['ignore', 'ignore', 'inherit'] });
  for (let tries = 0; tries < READY_TRIES && child.exitCode === null; tries++) {
    const ready = await fetch(new URL('/ready', admin)).catch(() => undefined);
    if (ready?.status === 200) return { child, url: url.origin };
    await delay(READY_PAUSE_MILLISECONDS);
  }
  await end(child);
  throw new Error(`Envoy without ${filters.join(' and ')} did not become ready`);
}

interface Bootstrap {
  readonly static_resources: {
    readonly listeners: readonly {
      readonly address: { readonly socket_address?: { readonly port_value: number } };
    }[];
  };
}

function listenerPorts(bootstrap: string): string[] {
  const { listeners } = (JSON.parse(bootstrap) as Bootstrap).static_resources;
  return listeners.flatMap(({ address }) => address.socket_address?.port_value ?? []).map(String);
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

/** Each call prepares a fresh event, to be sent over one of the kept connections. */
function preparer(federation: Federation, origin: string, make: MakeRequest): Prepare {
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
    const url = origin + path;
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

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const figures = await benchThroughEnvoy(option('BENCH_SECONDS', 8));
  console.table(
    Object.fromEntries(
      Object.entries(figures).map(([rate, both]) => [
        rate,
        {
          'p50 without': both.without.p50,
          'p50 added': added(both).p50,
          'p99 without': both.without.p99,
          'p99 added': added(both).p99,
        },
      ]),
    ),
  );
  process.exit();
}
