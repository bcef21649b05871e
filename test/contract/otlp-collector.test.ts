/** Shipping to a real OTLP receiver, that of OpenTelemetry's collector: what it understands, outages, TLS. */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Companion, CompanionContext } from '../../src/audit/log/companion.js';
import { startCompanion } from '../../src/serve/holders/otlp-companion.js';
import { GrowingLog } from '../support/audit/growing-log.js';
import { attribute, OtlpCollector } from '../support/audit/otlp-collector.js';
import { until } from '../support/until.js';
import { makeTlsFiles, type TlsFiles } from '../unit/client/tls-files.js';

const ORIGIN = 'countersign.example/log';
const DIGEST = 'ab'.repeat(32);

let log: GrowingLog;
let collector: OtlpCollector;
let told: string[];
let companion: Companion | undefined;

const text = (index: number): string =>
  JSON.stringify({
    time: '2026-11-29T08:00:00.123Z',
    event: index % 2 === 0 ? 'telemetry.accepted' : 'telemetry.rejected',
    decision_id: `d-${index}`,
    code: index % 2 === 0 ? 'allow' : 'pin_mismatch',
    status: index % 2 === 0 ? 200 : 401,
    cert_sha256: DIGEST,
    stage_us: { claim: 140 },
  });

function start(over: object = {}): Companion {
  const context: CompanionContext = {
    directory: log.directory,
    origin: ORIGIN,
    verifierKey: log.verifierKey,
    report: (_level, message) => void told.push(message),
    addCosignatures: () => undefined,
  };
  const url = `http://127.0.0.1:${collector.port}/v1/logs`;
  companion = startCompanion({ url, instance: 'pod-1', timeoutMilliseconds: 20_000, ...over }, context);
  commit();
  return companion;
}

function commit(): void {
  companion?.onCommitted({
    note: '',
    origin: ORIGIN,
    size: log.size,
    root: Buffer.alloc(32),
    committedAtMs: Date.now(),
  });
}

function grow(records: number): void {
  log.grow(records, text);
  commit();
}

const indexes = (): number[] =>
  collector.records.map(({ attributes }) => Number(attribute(attributes, 'countersign.log.index')));
const allUpTo = (size: number): number[] => Array.from({ length: size }, (_, index) => index);
const status = (of: Companion) => of.status() as { size: number; lagSeconds: number; fault?: string };

beforeEach(async () => {
  told = [];
  log = new GrowingLog(ORIGIN);
  collector = await OtlpCollector.start();
});
afterEach(async () => {
  await companion?.close(0);
  companion = undefined;
  await collector.stop();
  rmSync(log.directory, { recursive: true });
});

it('every record comes in order, as it was written, with its members and where it is from', async () => {
  mkdirSync(join(log.directory, '.sequencer'));
  start();
  grow(700);
  await until('all is shipped', () => collector.records.length === 700);
  expect(indexes()).toEqual(allUpTo(700));
  const [resource] = collector.requests[0]?.resourceLogs ?? [];
  const of = resource?.resource.attributes ?? [];
  expect(attribute(of, 'service.name')).toBe('countersign');
  expect(attribute(of, 'service.instance.id')).toBe('pod-1');
  expect(attribute(of, 'countersign.log.origin')).toBe(ORIGIN);
  expect(collector.records[1]).toMatchObject({
    timeUnixNano: '1795939200123000000',
    severityNumber: 13,
    severityText: 'WARN',
    eventName: 'telemetry.rejected',
    body: { stringValue: text(1) },
  });
  const attributes = collector.records[1]?.attributes ?? [];
  expect(attribute(attributes, 'log.record.uid')).toBe(`${ORIGIN}#1`);
  expect(attribute(attributes, 'tls.client.hash.sha256')).toBe(DIGEST.toUpperCase());
  expect(attribute(attributes, 'http.response.status_code')).toBe('401');
  expect(attribute(attributes, 'countersign.code')).toBe('pin_mismatch');
  expect(attribute(attributes, 'countersign.stage_us.claim')).toBe('140');
});

it('a collector that was away gets what it missed, also from the process that comes after', async () => {
  mkdirSync(join(log.directory, '.sequencer'));
  const first = start();
  grow(300);
  await until('it has these', () => status(first).size === 300);
  await collector.stop();
  grow(400);
  await until('the fault is told', () => status(first).fault !== undefined);
  expect(status(first).fault).toMatch(/ECONNREFUSED|closed the connection/);
  expect(first.heldSize()).toBe(300);
  expect(told).toEqual(['the collector of the audit log is behind']);
  await first.close(0);
  await collector.start();
  start();
  await until('all is shipped', () => new Set(indexes()).size === 700);
  expect(indexes()).toEqual(allUpTo(700));
});

describe('over TLS', () => {
  let files: TlsFiles;
  beforeAll(() => (files = makeTlsFiles()));
  afterAll(() => rmSync(files.directory, { recursive: true }));

  it('believes the authority that was given, and no proxy or switch of the environment', async () => {
    mkdirSync(join(log.directory, '.sequencer'));
    await collector.stop();
    collector = await OtlpCollector.start(files.server.certificateFile, files.server.keyFile);
    const before = { ...process.env };
    Object.assign(process.env, { HTTPS_PROXY: 'http://127.0.0.1:1', NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    try {
      const url = `https://localhost:${collector.port}/v1/logs`;
      const stranger = start({ url, authority: readFileSync(files.otherCa.certificateFile, 'utf8') });
      grow(3);
      await until('it is not believed', () => status(stranger).fault?.includes('not trusted') === true);
      expect(collector.records).toEqual([]);
      await stranger.close(0);
      start({ url, authority: readFileSync(files.ca.certificateFile, 'utf8') });
      await until('all is shipped', () => collector.records.length === 3);
    } finally {
      process.env = before;
    }
  });
});
