/** Two verifiers, one Redis: 20,000 requests, each sent to both verifiers at once. Each is let through exactly once. */
import type { ClientHttp2Session } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RedisServer } from '../support/redis-server.js';
import { openHttp2, sendOn } from './support/http2-client.js';
import type { Door, Outgoing } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { expectTrueReplays, sendAndReset } from './support/reset-copies.js';
import { Twins } from './support/twins.js';

const REQUESTS = 20_000;
/** Requests under way, of each of which two copies are. */
const LANES = 150;
/** To each verifier; Envoy takes 100 streams on one. */
const CONNECTIONS = 4;
const RETRY_MILLISECONDS = 20;
const BEGIN_TO_END_MILLISECONDS = 600_000;

let redis: RedisServer;
let twins: Twins;

beforeAll(async () => {
  redis = await RedisServer.start();
  twins = await Twins.open({
    redis: redis.address,
    patchConfiguration: (document) => ({
      ...document,
      freshness: { pastSkewSeconds: 300 },
      // A queue on a busy machine is not what is asked about.
      limits: { checkTimeoutMilliseconds: 5_000 },
    }),
  });
}, 120_000);
afterAll(async () => {
  await twins.close();
  await redis.remove();
}, 120_000);

/** What came of one request: every status that each verifier's door gave, in order. */
type Statuses = readonly [number[], number[]];

type Lane = readonly [ClientHttp2Session, ClientHttp2Session];

/** Both copies at once; one that is told to come again does, as producers do. */
async function deliver(outgoing: Outgoing, lane: Lane): Promise<Statuses> {
  const statuses: Statuses = [[], []];
  const unsettled = (door: number): boolean => [undefined, 503].includes(statuses[door]!.at(-1));
  for (let doors = [0, 1]; doors.length > 0; doors = doors.filter(unsettled)) {
    if (statuses[0].length > 0) await sleep(RETRY_MILLISECONDS);
    const send = async (door: number): Promise<void> => {
      statuses[door]!.push((await sendOn(lane[door]!, outgoing)).status);
    };
    await Promise.all(doors.map(send));
  }
  return statuses;
}

/** Everything that was sent, with what came of it. */
async function deliverAll(count: number): Promise<Statuses[]> {
  const connect = (door: Door): ClientHttp2Session[] =>
    Array.from({ length: CONNECTIONS }, () => openHttp2(door, twins.world.a));
  const [first, second] = twins.doors.map(connect) as [ClientHttp2Session[], ClientHttp2Session[]];
  const outcomes: Statuses[] = [];
  let next = 0;
  const work = async (number: number): Promise<void> => {
    const lane = [first[number % CONNECTIONS]!, second[number % CONNECTIONS]!] as const;
    while (next++ < count) outcomes.push(await deliver(telemetry({ by: twins.world.a }), lane));
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => work(number)));
  for (const session of [...first, ...second]) session.destroy();
  return outcomes;
}

function tally(outcomes: readonly Statuses[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const status of outcomes.flat(2)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const arrived = async (): Promise<number> => (await twins.stage.arrivals()).at(-1)?.sequence ?? 0;

// Fault: copies
test(
  'a copy at the other verifier is told of no claim that is taken back, while the first stream is reset',
  async () => {
    const make = (): Outgoing => telemetry({ by: twins.world.a });
    const told = await sendAndReset({ doors: twins.doors, make, count: 240 });
    const { audit } = twins.stage.federation.layout;
    expectTrueReplays(told, join(audit, 'decisions.ndjson'), join(audit, 'second.ndjson'));
  },
  BEGIN_TO_END_MILLISECONDS,
);

// Fault: copies
test(
  `of ${REQUESTS} requests that both verifiers get at once, each is let through exactly once`,
  async () => {
    const before = { checks: await twins.checks(), arrived: await arrived() };
    const startMs = performance.now();
    const outcomes = await deliverAll(REQUESTS);
    const seconds = (performance.now() - startMs) / 1000;
    const counts = tally(outcomes);
    console.log(`${seconds.toFixed(1)} s, ${JSON.stringify(counts)}, 503s are sent again`);

    expect(outcomes).toHaveLength(REQUESTS);
    const wins = outcomes.map((statuses) => statuses.flat().filter((status) => status === 202).length);
    expect(wins.filter((count) => count !== 1)).toEqual([]);
    // The copy that did not pass was called a replay, and nothing else was ever said.
    expect(counts).toEqual({ ...counts, 202: REQUESTS, 409: REQUESTS });
    expect(Object.keys(counts).filter((status) => !['202', '409', '503'].includes(status))).toEqual([]);
    expect((await arrived()) - before.arrived).toBe(REQUESTS);

    const checks = await twins.checks();
    for (const verifier of [0, 1] as const)
      expect(checks[verifier] - before.checks[verifier]).toBeGreaterThanOrEqual(REQUESTS);
    const winners = outcomes.filter(([first]) => first.includes(202)).length;
    expect(Math.min(winners, REQUESTS - winners)).toBeGreaterThan(REQUESTS / 20);
  },
  BEGIN_TO_END_MILLISECONDS,
);
