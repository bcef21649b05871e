/** Two workers behind one Envoy: one memory of nonces, one limit, one scrape, and a replacement for whoever dies. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { until } from '../support/until.js';
import { expectAllowed, expectRefusal } from './support/expectations.js';
import { EvenLoad, slowest } from './support/even-load.js';
import { openHttp2, sendOn } from './support/http2-client.js';
import { manyOperators } from './support/many.js';
import { PROTOCOLS, type Answer, type Outgoing } from './support/outgoing.js';
import { signedBytes, telemetry } from './support/requests.js';
import { expectTrueReplays, sendAndReset } from './support/reset-copies.js';
import { crash, signal } from './support/signals.js';
import { Stage } from './support/stage.js';
import { requestsBySocket, runs, withWorkers, workerPid, workersOf } from './support/workers.js';
import { LIMITED_PER_MINUTE, worldConfiguration, worldOf, type World } from './support/world.js';

const COPIES = 1_000;
const CONNECTIONS = 4;
/** A queue of that many copies may take longer than a second; the question here is another one. */
const CHECK_MILLISECONDS = 10_000;
/** One after the other: what the dead one had begun, and no more, is lost; the rest is for a machine that stands still. */
const UNDER_WAY = 3;

/** At an even rate, what one of two workers had begun when it was killed, on a machine that is slow. */
const MAX_LOST = 20;
const LATE_MILLISECONDS = 2_000;

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open(
    withWorkers(2, {
      patchConfiguration: (document) => ({
        ...worldConfiguration(document),
        // What is sent again is judged for what it is, however long that took.
        freshness: { pastSkewSeconds: 300 },
        limits: { checkTimeoutMilliseconds: CHECK_MILLISECONDS },
      }),
    }),
  );
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(() => stage.close(), 90_000);

const replayed = { status: 409, client: 'replayed_nonce', audit: 'replayed_nonce' } as const;

/** All at once, over a few connections. */
async function sendAll(requests: readonly Outgoing[]): Promise<Answer[]> {
  const sessions = Array.from({ length: CONNECTIONS }, () => openHttp2(stage.door, world.a));
  const answers = await Promise.all(
    requests.map((outgoing, at) => sendOn(sessions[at % CONNECTIONS]!, outgoing)),
  );
  for (const session of sessions) session.destroy();
  return answers;
}

function countOf(answers: readonly Answer[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

async function page(path: string): Promise<string> {
  return (await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}${path}`)).body;
}

/** Of the calls that Envoy has sent to the verifiers: those to a second one, or those that are under way. */
async function calls(which: 'retry' | 'active'): Promise<number> {
  const url = `${stage.federation.environment.COUNTERSIGN_ENVOY_ADMIN_URL}/stats?filter=^cluster.verifier.upstream_rq_${which}$`;
  return Number(/: ([0-9]+)/.exec((await fetchPage(url)).body)?.[1]);
}

describe.each(PROTOCOLS)('over %s', (protocol) => {
  test('what one worker let through is a replay for all', async () => {
    const outgoing = telemetry({ by: world.a });
    expectAllowed(await stage.exchange(protocol, outgoing), outgoing, 202);
    for (let copy = 0; copy < 8; copy++) expectRefusal(await stage.exchange(protocol, outgoing), replayed);
  });
});

// Fault: copies
test('a copy is told of no claim that is taken back, whichever worker has it, while the first stream is reset', async () => {
  const make = (): Outgoing => telemetry({ by: world.a });
  // Envoy reports none of those that it dropped before it had our answer: their copies wait half a check's time.
  const told = await sendAndReset({ doors: [stage.door, stage.door], make, count: 240 });
  expectTrueReplays(told, join(stage.federation.layout.audit, 'decisions.ndjson'));
}, 90_000);

// Fault: copies
test(`of ${COPIES} concurrent copies exactly one is let through, and both workers were asked`, async () => {
  const before = await requestsBySocket(stage);
  const answers = await sendAll(Array<Outgoing>(COPIES).fill(telemetry({ by: world.a })));
  expect(countOf(answers)).toEqual({ 202: 1, 409: COPIES - 1 });
  const after = await requestsBySocket(stage);
  expect([...after.keys()]).toEqual(
    [0, 1].map((number) => join(stage.federation.layout.run, `verifier-${number}.sock`)),
  );
  for (const [path, count] of after) expect(count - (before.get(path) ?? 0)).toBeGreaterThan(COPIES / 10);
});

test('both are one scrape: every decision is counted once, and the nonces that they share are not added up', async () => {
  const allowed = await stage.decisions('allow');
  const requests = Array.from({ length: 60 }, () => telemetry({ by: world.a }));
  expect(countOf(await sendAll(requests))).toEqual({ 202: 60 });
  expect(await stage.decisions('allow')).toBe(allowed + 60);
  const metrics = await page('/metrics');
  const entries = Number(/^countersign_nonce_entries\{store="lmdb"\} (\d+)$/m.exec(metrics)?.[1]);
  expect(entries).toBeGreaterThanOrEqual(60);
  expect(entries).toBeLessThanOrEqual(allowed + 60);
  expect(metrics.match(/^countersign_worker_serving\{worker="[01]"\} 1$/gm)).toHaveLength(2);
});

test('a limit is one limit: never more than it says, whichever worker is asked', async () => {
  const notes = Array.from({ length: 40 }, () => signedBytes({ by: world.a }, '/limited', Buffer.from('x')));
  expect(countOf(await sendAll(notes))).toEqual({ 200: LIMITED_PER_MINUTE, 429: 40 - LIMITED_PER_MINUTE });
});

test('records of both are whole lines', () => {
  const lines = readFileSync(join(stage.federation.layout.audit, 'decisions.ndjson'), 'utf8').split('\n');
  expect(lines.pop()).toBe('');
  for (const line of lines) expect(Object.keys(JSON.parse(line) as object)).toContain('event');
});

// Fault: worker-killed
test('a worker that is killed under load is replaced and counted; the others go on, and nothing is let through twice', async () => {
  const dead = await workerPid(stage, 0);
  const allowed = await stage.decisions('allow');
  const requests = Array.from({ length: 600 }, () => telemetry({ by: world.a }));
  const session = openHttp2(stage.door, world.a);
  const answers: Answer[] = [];
  for (const [at, outgoing] of requests.entries()) {
    if (at === 100) process.kill(dead, 'SIGKILL');
    answers.push(await sendOn(session, outgoing));
  }
  const { 202: accepted = 0, 503: unavailable = 0 } = countOf(answers);
  expect(accepted + unavailable).toBe(600);
  expect(unavailable).toBeLessThanOrEqual(UNDER_WAY);
  const again = await Promise.all(requests.map((outgoing) => sendOn(session, outgoing)));
  session.destroy();
  for (const [at, { status }] of again.entries()) if (answers[at]?.status === 202) expect(status).toBe(409);
  await until('every worker serves', async () => (await workersOf(stage)).every(({ serving }) => serving));
  expect((await workersOf(stage)).map(({ replacements }) => replacements)).toEqual([1, 0]);
  expect(await page('/metrics')).toContain('countersign_worker_replacements_total{worker="0"} 1');
  expect(await stage.decisions('allow')).toBeGreaterThanOrEqual(allowed);
  const log = readFileSync(join(stage.federation.layout.run, 'verifier.log'), 'utf8');
  expect(log).toMatch(/"worker":0,.*"a worker died"/);
}, 120_000);

// Fault: worker-killed
test('a check that was under way in a worker that is killed is not asked of another one', async () => {
  const pids = await Promise.all([workerPid(stage, 0), workerPid(stage, 1)]);
  const tries = await calls('retry');
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  const outgoing = telemetry({ by: world.a });
  const underWay = stage.send('HTTP/2', outgoing);
  await until('the check is under way', async () => (await calls('active')) > 0);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  expect((await underWay).status).toBe(503);
  expect(await calls('retry')).toBe(tries);
  await until('every worker serves', async () => (await workersOf(stage)).every(({ serving }) => serving));
  await until('the request passes', async () => (await stage.send('HTTP/2', outgoing)).status === 202);
  expect((await stage.send('HTTP/2', outgoing)).status).toBe(409);
}, 90_000);

// Fault: worker-hung
test('readiness and liveness do not depend on one worker', async () => {
  const stopped = await workerPid(stage, 1);
  process.kill(stopped, 'SIGSTOP');
  try {
    expect((await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/livez`)).status).toBe(200);
    expect((await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/readyz`)).status).toBe(
      200,
    );
    expect(await page('/metrics')).toContain('countersign_decisions_total');
  } finally {
    process.kill(stopped, 'SIGCONT');
  }
}, 90_000);

// Fault: worker-hung
test('a worker that gives no sign of life is killed and replaced', async () => {
  const hung = await workerPid(stage, 1);
  process.kill(hung, 'SIGSTOP');
  await until('the hung worker is killed', () => !runs(hung));
  await until('every worker serves', async () => (await workersOf(stage)).every(({ serving }) => serving));
  const outgoing = telemetry({ by: world.a });
  await until('the verifier answers', async () => (await stage.send('HTTP/2', outgoing)).status !== 503);
}, 120_000);

test('a SIGHUP and POST /reload reach every worker', async () => {
  const generations = async (): Promise<unknown[]> =>
    (await workersOf(stage)).map(({ configuration }) => configuration?.generation);
  const [first, second] = (await generations()) as number[];
  signal(stage, 'verifier', 'SIGHUP');
  await until('both have reloaded', async () => {
    const now = (await generations()) as number[];
    return now[0] === first! + 1 && now[1] === second! + 1;
  });
  const url = `${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/reload`;
  expect(await (await fetch(url, { method: 'POST' })).json()).toMatchObject({
    workers: [first! + 2, second! + 2].map((generation, worker) => ({
      worker,
      outcome: 'applied',
      generation,
    })),
  });
  const file = stage.federation.layout.configurationFile;
  const good = readFileSync(file, 'utf8');
  writeFileSync(file, `${good}\nunknown: 1\n`);
  try {
    const refused = await fetch(url, { method: 'POST' });
    expect(refused.status).toBe(422);
    expect(await refused.text()).toContain('unknown');
    const outgoing = telemetry({ by: world.a });
    expectAllowed(await stage.exchange('HTTP/1.1', outgoing), outgoing, 202);
  } finally {
    writeFileSync(file, good);
  }
}, 90_000);

// Fault: reload-large, worker-killed
test('a large bad file costs no request, and a worker that dies meanwhile is replaced by one like the others', async () => {
  const file = stage.federation.layout.configurationFile;
  const good = readFileSync(file, 'utf8');
  const document = parse(good) as ConfigurationDocument;
  const bad = stringify({ ...document, operators: { ...document.operators, ...manyOperators(20_000, '') } });
  writeFileSync(`${file}.new`, bad, { mode: 0o600 });
  const before = (await workersOf(stage))[0]?.replacements ?? 0;
  const dead = await workerPid(stage, 0);
  const load = new EvenLoad({ door: stage.door, perSecond: 100, make: () => telemetry({ by: world.a }) });
  const refusals = async (): Promise<number> =>
    Number(
      /^countersign_configuration_reloads_total\{outcome="refused"\} (\d+)$/m.exec(
        await page('/metrics'),
      )?.[1],
    );
  const refusedBefore = await refusals();
  renameSync(`${file}.new`, file);
  await until('a worker has refused it', async () => (await refusals()) > refusedBefore, {
    everyMs: 100,
    atMostMs: 120_000,
  });
  process.kill(dead, 'SIGKILL');
  await until('another one serves in its place', async () => {
    const [first, second] = await workersOf(stage);
    return first?.replacements === before + 1 && first.serving && second?.serving === true;
  }).finally(() => load.pause());
  const exchanged = await load.stop();
  const others = exchanged.filter(({ answer }) => answer.status !== 202);
  expect(others.filter(({ answer }) => answer.status !== 503)).toEqual([]);
  // What the dead one had begun.
  expect(others.length).toBeLessThanOrEqual(MAX_LOST);
  expect(slowest(exchanged)).toBeLessThan(LATE_MILLISECONDS);
  expect(readFileSync(file, 'utf8')).toBe(bad);
  writeFileSync(`${file}.new`, good, { mode: 0o600 });
  renameSync(`${file}.new`, file);
  const { status } = await fetch(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/reload`, {
    method: 'POST',
  });
  expect(status).toBe(200);
}, 240_000);

// Fault: supervisor-killed
test('workers whose supervisor was killed drain and end, and another one takes over', async () => {
  const pids = await Promise.all([workerPid(stage, 0), workerPid(stage, 1)]);
  const before = telemetry({ by: world.a });
  expectAllowed(await stage.exchange('HTTP/1.1', before), before, 202);
  await crash(stage, 'verifier');
  await until('the workers have ended', () => !pids.some(runs));
  expect((await stage.send('HTTP/1.1', telemetry({ by: world.a }))).status).toBe(503);
  await stage.federation.resume('verifier');
  expectRefusal(await stage.exchange('HTTP/1.1', before), replayed);
}, 120_000);

// Fault: drain
test('a supervisor that is told to stop takes all of them along', async () => {
  const pids = await Promise.all([workerPid(stage, 0), workerPid(stage, 1)]);
  await stage.federation.interrupt('verifier');
  expect(pids.some(runs)).toBe(false);
  const log = readFileSync(join(stage.federation.layout.run, 'verifier.log'), 'utf8');
  expect(log.match(/"msg":"stopped"/g)).toHaveLength(3);
  await stage.federation.resume('verifier');
}, 120_000);
