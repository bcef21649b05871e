/** Spans before a real OTLP receiver, that of OpenTelemetry's collector: what it understands, outages, TLS, the environment. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { EndedCheck } from '../../src/observability/tracing/tracing.js';
import { openTracing, type OpenTracing } from '../../src/serve/tracing.js';
import { anyFreePort } from '../e2e/support/free-port.js';
import { attribute, OtlpCollector } from '../support/audit/otlp-collector.js';
import { until } from '../support/until.js';
import { makeTlsFiles, type TlsFiles } from '../unit/client/tls-files.js';

const START_MS = Date.UTC(2026, 10, 29, 8) + 0.25;
const DECISION = '01234567-89ab-4cde-8f01-23456789abcd';
/** Each of them would change where spans go, what is in them, or whether there are any. */
const HOSTILE: Readonly<Record<string, string>> = {
  OTEL_SDK_DISABLED: 'true',
  OTEL_TRACES_SAMPLER: 'always_off',
  OTEL_TRACES_EXPORTER: 'none',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:1/v1/traces',
  OTEL_EXPORTER_OTLP_HEADERS: 'x-stranger=1',
  OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
  OTEL_SERVICE_NAME: 'stranger',
  OTEL_RESOURCE_ATTRIBUTES: 'service.name=stranger,host.name=stranger',
  OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: '1',
  OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: '1',
  OTEL_BSP_MAX_QUEUE_SIZE: '1',
  HTTP_PROXY: 'http://127.0.0.1:1',
  HTTPS_PROXY: 'http://127.0.0.1:1',
  NODE_TLS_REJECT_UNAUTHORIZED: '0',
};

let collector: OtlpCollector;
let registry: Registry;
let told: string[];
let tracing: OpenTracing | undefined;
let before: NodeJS.ProcessEnv;

beforeEach(async () => {
  before = { ...process.env };
  [registry, told] = [new Registry(), []];
  collector = await OtlpCollector.start();
});
afterEach(async () => {
  process.env = before;
  await tracing?.close();
  tracing = undefined;
  await collector.stop();
});

async function open(over: object = {}): Promise<OpenTracing> {
  const settings = {
    url: `http://127.0.0.1:${collector.port}/v1/traces`,
    headersPath: undefined,
    authority: undefined,
    instance: 'pod-1',
    timeoutMilliseconds: 5_000,
    serviceName: 'countersign',
    sampleRatio: 1,
    maxTracesPerSecond: 10_000,
    maxQueuedSpans: 1_000,
    ...over,
  };
  const logger = pino({ level: 'info' }, { write: (line: string) => void told.push(line) });
  tracing = await openTracing(settings, { logger, registry, worker: 1 });
  return tracing;
}

const ended: EndedCheck = {
  code: 'allow',
  decisionId: DECISION,
  policy: 'federation.telemetry',
  identity: 'producer-a',
  wouldRefuse: undefined,
  isFault: false,
  times: {
    each: (visit) => {
      visit('decode', 1);
      visit('admission', 2);
      visit('record', 0.5);
    },
    totalMilliseconds: () => 3.5,
  },
};

function check(of: OpenTracing, decisionId = DECISION): string {
  const span = of.begin({ decisionId, traceparents: [], isProven: true, startMs: START_MS });
  span?.end(ended);
  return span?.traceparent ?? '';
}

async function counted(outcome: string): Promise<number> {
  const metric = await registry.getSingleMetric('countersign_trace_spans_total')?.get();
  return metric?.values.find(({ labels }) => labels['outcome'] === outcome)?.value ?? 0;
}

it('check, claim and signing arrive as one trace, whatever the environment says', async () => {
  Object.assign(process.env, HOSTILE);
  const some = await open();
  const times = { each: () => undefined, totalMilliseconds: () => 1 };
  some.answered({ ...ended, code: 'signed', traceparent: check(some), times, endMs: START_MS + 90 });
  await until('all three are there', () => collector.spans.length === 3);
  const of = (name: string) => collector.spans.find((span) => span.name === name)!;
  expect(collector.spans.map(({ traceId }) => traceId)).toEqual(Array(3).fill(DECISION.replaceAll('-', '')));
  expect([of('claim').parentSpanId, of('sign').parentSpanId]).toEqual(Array(2).fill(of('check').spanId));
  expect(of('check')).toMatchObject({
    kind: 2,
    startTimeUnixNano: '1795939200000250000',
    endTimeUnixNano: '1795939200003750000',
  });
  expect(of('claim').startTimeUnixNano).toBe('1795939200001250000');
  expect(attribute(of('check').attributes, 'countersign.code')).toBe('allow');
  expect(attribute(of('check').attributes, 'countersign.stage_us.admission')).toBe('2000');
  const resource = collector.requests[0]?.resourceSpans?.[0]?.resource.attributes ?? [];
  expect(resource.map(({ key, value }) => [key, value.stringValue])).toEqual([
    ['service.name', 'countersign'],
    ['service.instance.id', 'pod-1/1'],
    ['service.version', expect.any(String)],
  ]);
});

it('a collector that is away costs spans, is told of once, and gets what there was room for when it is back', async () => {
  await collector.stop();
  const some = await open();
  for (let at = 0; at < 2_000; at++) check(some);
  await until('the fault is told', () => told.length > 0);
  expect(await counted('full')).toBeGreaterThanOrEqual(2_990);
  await collector.start();
  await until('it has what was kept', () => collector.spans.length >= 1_000);
  await until('that is told', () => told.length === 2);
  expect(told.join('')).toMatch(/ECONNREFUSED[^]*takes spans again/);
}, 60_000);

describe('a collector that is none', () => {
  let server: Server;
  let asked: number;
  let headers: (string | undefined)[];
  afterEach(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));
  const answering = async (status: number | undefined): Promise<object> => {
    [asked, headers] = [0, []];
    const port = await anyFreePort();
    server = createServer((request, response) => {
      asked++;
      headers.push(request.headers.authorization);
      if (status !== undefined) response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end();
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return { url: `http://127.0.0.1:${port}/v1/traces` };
  };

  it.each([400, 401, 404, 413])('refuses a batch with %d: it is lost, and counted', async (status) => {
    const some = await open(await answering(status));
    check(some);
    await until('it is counted', async () => (await counted('refused')) === 2);
    expect(told.join('')).toContain(`status ${status}`);
  });

  it.each([302, 429, 503])('answers with %d: the batch is kept', async (status) => {
    const some = await open(await answering(status));
    check(some);
    await until('it was asked', () => asked > 0);
    await until('the fault is told', () => told.length > 0);
    expect([await counted('refused'), await counted('sent')]).toEqual([0, 0]);
  });

  it('never answers: the stop waits for no more than two seconds, and what is left is counted', async () => {
    const some = await open(await answering(undefined));
    check(some);
    await until('it was asked', () => asked > 0);
    const began = performance.now();
    await some.close();
    tracing = undefined;
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(await counted('unsent')).toBe(2);
  });

  it('gets the headers of the file as it is now', async () => {
    const files = makeTlsFiles();
    const headersPath = join(files.directory, 'headers');
    writeFileSync(headersPath, 'Authorization: Bearer one\n', { mode: 0o600 });
    const some = await open({ ...(await answering(200)), headersPath });
    check(some);
    await until('it was asked', () => asked === 1);
    writeFileSync(headersPath, 'Authorization: Bearer two\n');
    check(some);
    await until('it was asked again', () => asked === 2);
    expect(headers).toEqual(['Bearer one', 'Bearer two']);
    rmSync(files.directory, { recursive: true });
  });
});

describe('over TLS', () => {
  let files: TlsFiles;
  beforeAll(() => (files = makeTlsFiles()));
  afterAll(() => rmSync(files.directory, { recursive: true }));

  it('believes the authority that was given, and no other', async () => {
    Object.assign(process.env, HOSTILE);
    await collector.stop();
    collector = await OtlpCollector.start(files.server.certificateFile, files.server.keyFile);
    const url = `https://localhost:${collector.port}/v1/traces`;
    const stranger = await open({ url, authority: readFileSync(files.otherCa.certificateFile, 'utf8') });
    check(stranger);
    await until('it is not believed', () => told.join('').includes('not trusted'));
    expect(collector.spans).toEqual([]);
    await stranger.close();
    registry = new Registry();
    check(await open({ url, authority: readFileSync(files.ca.certificateFile, 'utf8') }));
    await until('all is there', () => collector.spans.length === 2);
  });
});
