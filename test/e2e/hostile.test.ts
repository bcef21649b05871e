/**
 * Clients that mean harm through a real Envoy, one kind after the other, while another producer goes on with its work:
 * the verifier keeps within the memory that its pod has, and honest requests go on being answered.
 */
// Faults: every test
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fetchPage } from '../../tools/local-federation/health.js';
import { MemoryPeak } from '../support/resident-memory.js';
import { until } from '../support/until.js';
import { AuditReader } from './support/audit-reader.js';
import { honestLoad } from './support/honest-load.js';
import {
  attackerOf,
  forgeries,
  rapidResets,
  silentConnections,
  slowBodies,
  slowClients,
  type Attacker,
  type Hostile,
} from './support/hostile.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

/** Of the verifier's container in k8s/base: over it the kernel kills the process. */
const MEMORY_LIMIT_BYTES = 768 * 1_048_576;
const HONEST_PER_SECOND = 20;
const HONEST_SECONDS = 5;
/** This process and Envoy need some descriptors for themselves. */
const DESCRIPTORS = Number(execFileSync('sh', ['-c', 'ulimit -n'], { encoding: 'utf8' }));
const CONNECTIONS = Math.min(10_000, DESCRIPTORS - 1_000);

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open({
    // The guards against floods would end some of these attacks before they meet anything that is ours.
    patchConfiguration: (document) => ({
      ...document,
      ...(document.envoy && {
        envoy: { ...document.envoy, flood: { requestsPerSecondPerConnection: 0, connectionsPerSecond: 0 } },
      }),
    }),
  });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(() => stage.close(), 90_000);

/** The honest requests of one producer during an attack by the other, and the verifier's memory meanwhile. */
async function underAttack(begin: (attacker: Attacker) => Hostile, made: number): Promise<void> {
  const peak = new MemoryPeak(stage.federation.pid('verifier') ?? NaN);
  const hostile = begin(attackerOf(stage.federation));
  try {
    const honest = honestLoad({
      door: stage.door,
      perSecond: HONEST_PER_SECOND,
      seconds: HONEST_SECONDS,
      make: () => telemetry({ by: world.a }),
    });
    const statuses = (await honest).map(({ status }) => status);
    expect(statuses).toEqual(Array.from({ length: HONEST_PER_SECOND * HONEST_SECONDS }, () => 202));
    await until('the attack is under way', () => hostile.done() >= made);
  } finally {
    await hostile.stop();
    peak.stop();
  }
  expect(peak.bytes).toBeGreaterThan(0);
  expect(peak.bytes).toBeLessThan(MEMORY_LIMIT_BYTES);
}

describe('honest requests of another producer are answered, and the verifier keeps within its memory', () => {
  // Fault: slow-client
  test(
    'while clients send the heads of their requests one byte at a time',
    () => underAttack(slowClients, 100),
    120_000,
  );

  // Fault: slow-body
  test(
    'while clients send half of a body, and the rest one byte at a time',
    () => underAttack(slowBodies, 60),
    120_000,
  );

  // Fault: many-connections
  test('while 10,000 connections are opened and say nothing (fewer where the system has fewer descriptors)', async () => {
    await underAttack((by) => silentConnections(by, CONNECTIONS), CONNECTIONS);
    expect(await acceptedConnections()).toBeGreaterThan(CONNECTIONS / 2);
  }, 90_000);

  // Fault: rapid-resets
  test(
    'while HTTP/2 requests are sent whole and reset at once',
    () => underAttack(rapidResets, 2_000),
    120_000,
  );

  // Fault: forgeries
  test('while one producer forges as much as it can', () => underAttack(forgeries, 500), 120_000);
});

// Fault: forgeries
test('a producer that forges is refused 401, shed 503 at the worst, and nothing of it arrives', async () => {
  const before = (await stage.arrivals()).length;
  const records = new AuditReader(join(stage.federation.layout.audit, 'decisions.ndjson'));
  records.skip();
  const hostile = forgeries(attackerOf(stage.federation), 1, 50);
  await until('there are forgeries enough', () => hostile.done() >= 200);
  await hostile.stop();
  const codes = new Set(records.next().map(({ code }) => code));
  for (const shed of ['overloaded', 'deadline_spent']) codes.delete(shed);
  expect([...codes]).toEqual(['signature_invalid']);
  expect((await stage.arrivals()).length).toBe(before);
}, 120_000);

/** All that the TLS listener ever took. */
async function acceptedConnections(): Promise<number> {
  const url = `${stage.federation.environment.COUNTERSIGN_ENVOY_ADMIN_URL}/stats?filter=http.ingress.downstream_cx_total`;
  const { body } = await fetchPage(url);
  return Number(body.trim().split(' ').at(-1));
}
