/**
 * The audit log of a federation with all who may hold it, a mirror, a witness and a collector at once: they come and go, traffic
 * does not, and what each has in the end is the log. And what `countersign why` and the page tell from it.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { Litewitness } from '../support/audit/litewitness.js';
import { attribute, OtlpCollector } from '../support/audit/otlp-collector.js';
import { VersityServer } from '../support/audit/versity-server.js';
import { oracle } from '../support/log-oracle.js';
import { until } from '../support/until.js';
import type { AuditRecord } from './support/audit-reader.js';
import { ComingApplication } from './support/coming-application.js';
import { countersign } from './support/command.js';
import { EvenLoad, unlike } from './support/even-load.js';
import type { Outgoing } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { readSealedLog } from './support/sealed-log.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

const BUCKET = 'audit';
const PER_SECOND = 50;

let folder: string;
let mirror: VersityServer;
let witness: Litewitness;
let collector: OtlpCollector;
let application: ComingApplication;
let stage: Stage;
let world: World;
let directory: string;
let vkey: string;
let policy: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holders-'));
  [mirror, witness, collector, application] = await Promise.all([
    VersityServer.start(),
    Litewitness.start(),
    OtlpCollector.start(),
    ComingApplication.start(),
  ]);
  await mirror.makeBucket(BUCKET);
  policy = join(folder, 'witnesses.policy');
  writeFileSync(policy, `witness one ${witness.verifierKey} ${witness.url}\nquorum one\n`);
  const { accessKeyId, secretAccessKey } = VersityServer.credentials;
  const lines = [
    '[default]',
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey}`,
  ];
  writeFileSync(join(folder, 'credentials'), `${lines.join('\n')}\n`, { mode: 0o600 });
  stage = await Stage.open({
    upstream: application.address,
    patchConfiguration: held,
    patchBootstrap: hurried,
  });
  world = worldOf(stage.federation.credentials);
  directory = stage.federation.layout.auditLog;
  vkey = readFileSync(join(stage.federation.layout.keys, 'audit-log.vkey'), 'utf8').trim();
  witness.know(vkey.split('+')[0]!, vkey);
}, 120_000);
afterAll(async () => {
  await stage.close();
  await Promise.all([mirror.remove(), witness.remove(), collector.stop(), application.go()]);
  rmSync(folder, { recursive: true });
}, 90_000);

/** Everybody, as often as may be. */
function held(document: ConfigurationDocument): ConfigurationDocument {
  const s3 = {
    endpoint: mirror.endpoint.origin,
    bucket: BUCKET,
    prefix: 'log/',
    retentionDays: 1,
    credentialsFile: join(folder, 'credentials'),
    intervalSeconds: 1,
  };
  const log = {
    ...document.audit.log,
    mirror: { s3 },
    witnesses: { policyFile: policy, intervalSeconds: 1 },
  };
  const otlp = { endpoint: `http://127.0.0.1:${collector.port}` };
  return { ...document, audit: { ...document.audit, log, otlp } } as ConfigurationDocument;
}

/** Envoy gives up within a fraction of a second. */
function hurried(bootstrap: string): string {
  return bootstrap
    .replaceAll('base_interval: 0.1s', 'base_interval: 0.01s')
    .replaceAll('max_interval: 1s', 'max_interval: 0.02s');
}

const fresh = (): Outgoing => telemetry({ by: world.a });
const adminPage = async (path: string): Promise<string> =>
  (await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}${path}`)).body;

interface Holder {
  readonly size: number;
  readonly fault: string | null;
}
interface Status {
  readonly size: number;
  readonly mirror: Holder;
  readonly witnesses: readonly Holder[];
  readonly collector: Holder;
}

/** Once each of them has begun, which is a moment after the verifier serves. */
async function holders(): Promise<{ readonly size: number; readonly all: readonly Holder[] }> {
  let log: Partial<Status> = {};
  await until('all of them have begun', async () => {
    ({ audit_log: log } = JSON.parse(await adminPage('/status')) as { audit_log: Status });
    return [log.mirror, log.witnesses, log.collector].every((holder) => holder !== undefined);
  });
  const { size, mirror, witnesses, collector } = log as Status;
  return { size, all: [mirror, ...witnesses, collector] };
}

/** Everybody has at least what the log has now. */
async function untilHeld(): Promise<number> {
  const { size } = await holders();
  await until('everybody has the log', async () =>
    (await holders()).all.every((holder) => holder.size >= size && holder.fault === null),
  );
  return size;
}

/** Its members beside those of a decision, too. */
type SealedRecord = AuditRecord & Readonly<Record<string, unknown>>;

const sealed = async (): Promise<readonly SealedRecord[]> =>
  (await readSealedLog(directory, join(stage.federation.layout.keys, 'audit-log.vkey')))
    .records as readonly SealedRecord[];

async function expectRecorded(event: string, store: string): Promise<void> {
  await until(`${event} of ${store} is recorded`, async () =>
    (await sealed()).some((record) => record.event === event && record['store'] === store),
  );
}

/** `store`: of the records about it. */
const COMINGS = [
  ['the mirror', 'audit_mirror', () => mirror.kill(), () => mirror.start()],
  ['the witness', 'audit_witness', () => witness.kill(), () => witness.start()],
  ['the collector', 'audit_collector', () => collector.stop(), () => collector.start()],
] as const;

test('all are killed one after the other and come back: traffic goes on, and the log tells of it', async () => {
  await until('everybody has begun', async () => (await holders()).all.every(({ fault }) => fault === null));
  const load = new EvenLoad({ door: stage.door, perSecond: PER_SECOND, make: fresh });
  for (const [, store, kill] of COMINGS) {
    await kill();
    await expectRecorded('store.fault', store);
  }
  expect(await adminPage('/readyz')).toMatch(/the (mirror|witness|collector) .* is \d+ s behind: it /);
  const before = (await sealed()).length;
  for (const [, store, , start] of COMINGS) {
    await start();
    await expectRecorded('store.recovered', store);
  }
  const exchanged = await load.stop();
  expect(unlike(exchanged, 202)).toEqual([]);
  expect(await untilHeld()).toBeGreaterThan(before);
}, 120_000);

/** What somebody has who downloads the bucket. */
async function downloaded(): Promise<string> {
  const place = join(folder, 'downloaded');
  for (const name of await mirror.names(BUCKET)) {
    const path = join(place, name.slice('log/'.length));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, (await mirror.request('GET', `/${BUCKET}/${name}`)).bytes);
  }
  return place;
}

test('what each of them has is the log, also in the eyes of others', async () => {
  const size = await untilHeld();
  const mirrored = await downloaded();
  expect(oracle('fsck', mirrored, vkey)).toEqual({ isRight: true, why: expect.anything() as string });
  expect(await countersign(['audit', 'verify', mirrored, '--vkey', vkey])).toMatchObject({ code: 0 });
  const trusted = join(folder, 'trusted.policy');
  writeFileSync(trusted, `log ${vkey}\n${readFileSync(policy, 'utf8')}`);
  for (const place of [directory, mirrored])
    expect(await countersign(['audit', 'verify', place, '--policy', trusted])).toMatchObject({ code: 0 });
  const sent = collector.records.map(({ attributes }) =>
    Number(attribute(attributes, 'countersign.log.index')),
  );
  const taken = new Set(sent);
  expect(Array.from({ length: size }, (_, index) => index).filter((index) => !taken.has(index))).toEqual([]);
}, 60_000);

/** The newest record that is wanted, once it is there. */
async function recordOf(what: string, isWanted: (record: SealedRecord) => boolean): Promise<SealedRecord> {
  let found: SealedRecord | undefined;
  await until(what, async () => (found = (await sealed()).findLast(isWanted)) !== undefined);
  return found!;
}

/** Of a decision and its delivery, or of what Envoy ended by itself. */
const idIn = (record: SealedRecord): string => {
  const { claimed_request_id: claimed, decision_id: id } = record;
  return typeof claimed === 'string' ? claimed : id;
};

const why = async (id: string): Promise<string> =>
  (await countersign(['why', id, '--config', stage.federation.layout.configurationFile])).out;

test('why tells of the delivered and their copies, of what met nobody, and of what never reached us; the page, too', async () => {
  const first = fresh();
  for (const status of [202, 409]) expect((await stage.send('HTTP/2', first)).status).toBe(status);
  const copy = await recordOf('the copy is recorded', ({ code }) => code === 'replayed_nonce');
  const delivered = copy.first_decision_id ?? '';
  await until('it is told that the first one was delivered', async () =>
    /let through[^]*It was delivered to the application\. The client got HTTP 202/.test(await why(delivered)),
  );
  const ofFirst = `as decision ${delivered}: it was delivered to the application, and its client got HTTP 202.`;
  expect(await why(idIn(copy))).toContain(ofFirst);
  expect(await adminPage(`/page/why.json?id=${idIn(copy)}`)).toContain(ofFirst);

  await application.go();
  const second = fresh();
  expect((await stage.send('HTTP/2', second)).status).toBe(503);
  const met = idIn(
    await recordOf('it is told that it met nobody', ({ event }) => event === 'request.undelivered'),
  );
  expect(await why(met)).toContain('No other copy of it is recorded as let through.');
  await application.come();
  await until('it is let in', async () => (await stage.send('HTTP/2', second)).status === 202);
  await until('it is told of the second', async () =>
    /A request with the same nonce was let through [^\n]*: it was delivered to the application, and its client got HTTP 202/.test(
      await why(met),
    ),
  );

  const large = { ...fresh(), body: Buffer.alloc(3_000_000, ' ') };
  expect((await stage.send('HTTP/2', large)).status).toBe(413);
  const refused = idIn(
    await recordOf('Envoy told of it', ({ event, status }) => event === 'envoy.refused' && status === 413),
  );
  expect(await why(refused)).toMatch(
    /^Envoy ended a request that had or claimed this id by itself[^]*HTTP 413/,
  );
}, 120_000);
