/**
 * What the check adds for a client: (c) of the benchmark; and what signing the answer adds for a consumer. Envoys with
 * one configuration, but for the filter, get slices of the same load at a fixed rate in turn; one of them asks a server
 * that only says allow, which is what any verifier behind Envoy costs. Latency counts from
 * the moment at which a request was due, so that a server that falls behind cannot hide it. Nothing is pinned: Envoy,
 * verifier, application and client share the cores, as those of a sidecar's pod do.
 * By itself: `make bench PART=through-envoy`.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { startFederation, type Federation } from '../../tools/local-federation/federation.js';
import { adjustments } from './feedback.js';
import { startEnvoyBeside, withoutFilters, withSocket, type EnvoyBeside } from './envoy-beside.js';
import { atFixedRate, latencyOf, type Latency, type Load, type Prepare } from './fixed-rate.js';
import {
  benchProducer,
  signedQuery,
  signedTelemetry,
  type BenchProducer,
  type SignedTelemetry,
} from './messages.js';
import { end, freeAllCores, pinClient, startUnpinned, waitForFile } from './pinned-process.js';
import { option } from './support.js';

const RATES = [100, 250, 500, 1_000] as const;
const BODY_BYTES = 4_096;
const CONNECTIONS = 32;
const COMPARISON = fileURLToPath(new URL('comparison-server.js', import.meta.url));
/** Until the compiler has settled in the verifier, and the queue of that time is gone. */
const WARM_UP = { requestsPerSecond: 500, seconds: 4 };
const SLICE_SECONDS = 2;
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

/** The same of the check, and with a server in the verifier's place that says allow and does nothing else. */
export interface CheckFigures extends EnvoyFigures {
  readonly allowing: Latency;
}

/** The check of telemetry of 4 KiB, by requests a second, `seconds` each way. Throws when a request was not let through. */
export async function benchThroughEnvoy(seconds: number): Promise<Record<string, CheckFigures>> {
  const folder = mkdtempSync(join(tmpdir(), 'csb-'));
  const socketPath = join(folder, 'allow.sock');
  const allowing = startUnpinned([COMPARISON, 'transport', socketPath, '']);
  try {
    await waitForFile(socketPath, allowing);
    const loads = RATES.map((requestsPerSecond) => ({ requestsPerSecond, seconds }));
    const sides = {
      without: (bootstrap: string) => withoutFilters(bootstrap, [EXT_AUTHZ]),
      allowing: (bootstrap: string) => withSocket(bootstrap, socketPath),
    };
    const figures = await compare(loads, sides, (producer, fingerprint) => ({
      path: '/internal/v1/telemetry',
      status: 202,
      ...signedTelemetry(producer, BODY_BYTES, fingerprint),
    }));
    return Object.fromEntries(RATES.map((rate, at) => [`at_${rate}_per_second`, figures[at]!]));
  } finally {
    await end(allowing);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The signature of an answer of ten adjustments, `seconds` each way. */
export async function benchSigningThroughEnvoy(seconds: number): Promise<EnvoyFigures> {
  const load = { requestsPerSecond: QUERIES_PER_SECOND, seconds };
  const sides = { without: (bootstrap: string) => withoutFilters(bootstrap, SIGNING) };
  const [figures] = await compare([load], sides, (producer, fingerprint) => ({
    path: FEEDBACK_PATH,
    status: 200,
    ...signedQuery(producer, fingerprint),
  }));
  return figures!;
}

/** Milliseconds that the filter adds, or the way to a server that does nothing. */
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

/** By the name of a side, how its bootstrap differs from the federation's. */
type Changes<Side extends string> = Readonly<Record<Side, (bootstrap: string) => string>>;

/** With the whole filter chain and with each of the others, in turn. */
async function compare<Side extends string>(
  loads: readonly Load[],
  changes: Changes<Side>,
  make: MakeRequest,
): Promise<Record<Side | 'with', Latency>[]> {
  freeAllCores();
  const upstream = await startUpstream();
  const place = mkdtempSync(join(tmpdir(), 'csb-'));
  const { port } = upstream.address() as AddressInfo;
  const own = { url: `http://127.0.0.1:${port}`, address: '127.0.0.1', port };
  const federation = await startFederation({ stateDirectory: place, upstream: own, lifetime: 'caller' });
  const beside: EnvoyBeside[] = [];
  try {
    const sides = [['with', preparer(federation, federation.environment.COUNTERSIGN_URL, make)]] as [
      Side | 'with',
      Prepare,
    ][];
    for (const side of Object.keys(changes) as Side[]) {
      const envoy = await startEnvoyBeside(federation, side, changes[side]);
      beside.push(envoy);
      sides.push([side, preparer(federation, envoy.url, make)]);
    }
    await inTurn(sides, WARM_UP);
    const figures: Record<Side | 'with', Latency>[] = [];
    for (const load of loads) figures.push(await inTurn(sides, load));
    return figures;
  } finally {
    for (const { child } of beside) await end(child);
    await federation.stop();
    upstream.closeAllConnections();
    upstream.close();
    rmSync(place, { recursive: true, force: true });
    pinClient();
  }
}

/** Whoever goes first in one slice goes last in the next one. */
async function inTurn<Side extends string>(
  sides: readonly (readonly [Side, Prepare])[],
  { requestsPerSecond, seconds }: Load,
): Promise<Record<Side, Latency>> {
  const slice = { requestsPerSecond, seconds: SLICE_SECONDS };
  const turns = sides.map(([side, prepare]) => ({ side, prepare, taken: [] as number[] }));
  for (let done = 0; done < seconds; done += SLICE_SECONDS) {
    for (const { prepare, taken } of turns) taken.push(...(await atFixedRate(prepare, slice)));
    turns.reverse();
  }
  const found = turns.map(({ side, taken }) => [side, latencyOf(taken)] as const);
  return Object.fromEntries(found) as Record<Side, Latency>;
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
      Object.entries(figures).map(([rate, { with: whole, without, allowing }]) => [
        rate,
        {
          'p50 without': without.p50,
          'p50 added': added({ with: whole, without }).p50,
          'p50 added by allow': added({ with: allowing, without }).p50,
          'p99 without': without.p99,
          'p99 added': added({ with: whole, without }).p99,
          'p99 added by allow': added({ with: allowing, without }).p99,
        },
      ]),
    ),
  );
  process.exit();
}
