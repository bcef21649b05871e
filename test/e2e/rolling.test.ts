/** Verifiers that take each other's place under load: no request fails, and no nonce passes twice. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { ConfigurationDocument } from '../../examples/local-federation/configuration.js';
import { fetchPage } from '../../examples/local-federation/health.js';
import { askHealth } from '../../src/envoy/grpc-health-client.js';
import { anyFreePort } from './support/free-port.js';
import { telemetry } from './support/requests.js';
import { eventually } from './support/signals.js';
import { Stage } from './support/stage.js';
import { EvenLoad, unlike, type Exchanged } from './support/even-load.js';
import { serves, VerifierProcess } from './support/verifier-process.js';
import { worldOf, type World } from './support/world.js';

const PER_SECOND = 200;
/** Of what was let in, sent again. */
const REPLAYS = 300;
/** A verifier that waits for a second processor must not be taken for one that fails. */
const limits = { checkTimeoutMilliseconds: 10_000 };

let stage: Stage;
let world: World;
let document: ConfigurationDocument;
const processes: VerifierProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.splice(0).map((process) => process.stop()));
  await stage.close();
}, 60_000);

async function open(patchBootstrap?: (bootstrap: string) => string): Promise<void> {
  stage = await Stage.open({
    patchConfiguration: (original) => (document = { ...original, limits }),
    ...(patchBootstrap && { patchBootstrap }),
  });
  world = worldOf(stage.federation.credentials);
}

function start(configurationFile: string, replace = false): VerifierProcess {
  const logFile = join(stage.federation.layout.run, 'further-verifiers.log');
  const process = new VerifierProcess({ configurationFile, logFile, replace });
  processes.push(process);
  return process;
}

const socketPath = (name = 'verifier'): string => join(stage.federation.layout.run, `${name}.sock`);

const startLoad = (): EvenLoad =>
  new EvenLoad({ door: stage.door, perSecond: PER_SECOND, make: () => telemetry({ by: world.a }) });

/** Runs this under load, with a second of load before and after it. */
async function underLoad(act: () => Promise<void>): Promise<readonly Exchanged[]> {
  const load = startLoad();
  await sleep(1_000);
  await act().finally(() => load.pause());
  const exchanged = await load.stop();
  expect(exchanged.length).toBeGreaterThan(PER_SECOND / 2);
  expect(unlike(exchanged, 202)).toEqual([]);
  return exchanged;
}

/** Every answer to requests of these, evenly chosen, that are sent once more. */
async function sentAgain(exchanged: readonly Exchanged[]): Promise<Map<number, number>> {
  const step = Math.max(1, Math.floor(exchanged.length / REPLAYS));
  const statuses = new Map<number, number>();
  for (let at = 0; at < exchanged.length; at += step) {
    const { status } = await stage.send('HTTP/1.1', exchanged[at]!.outgoing);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  return statuses;
}

// Fault: rolling-replacement
test('a single verifier is replaced, three times over: the new one takes the socket, the old one drains', async () => {
  await open();
  const { configurationFile } = stage.federation.layout;
  let replays = new Map<number, number>();
  const exchanged = await underLoad(async () => {
    for (let count = 0; count < 3; count++) {
      const former = processes.at(-1);
      const next = start(configurationFile, true);
      await eventually(() => former?.hasEnded ?? stage.federation.pid('verifier') === undefined, 60_000);
      if (former !== undefined) expect(await former.ended).toBe(0);
      expect(next.hasEnded).toBe(false);
      await sleep(500);
    }
  });
  replays = await sentAgain(exchanged);
  expect([...replays.keys()]).toEqual([409]);
  const ready = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/readyz`);
  expect(ready.status).toBe(200);
  expect(await processes.at(-1)!.stop()).toBe(0);
}, 240_000);

/** Another endpoint of the verifier's cluster, behind the first. */
function withSecondEndpoint(bootstrap: string): string {
  const endpoint = /^( *)- endpoint:\n *address:\n *pipe:\n *path: '?([^'\n]*)'?\n/m;
  const found = endpoint.exec(bootstrap);
  if (found === null) throw new Error('the bootstrap has no endpoint with a socket');
  const [text, , path = ''] = found;
  return bootstrap.replace(text, text + text.replace(path, path.replace(/verifier\.sock$/, 'second.sock')));
}

/** Writes the configuration of the second verifier: same stores, keys and log, its own socket and admin port. */
async function writeSecondConfiguration(): Promise<string> {
  const file = join(stage.directory, 'second.yaml');
  const admin = { host: '127.0.0.1', port: await anyFreePort() };
  writeFileSync(file, stringify({ ...document, listen: { socket: 'run/second.sock' }, admin }), {
    mode: 0o600,
  });
  return file;
}

// Fault: rolling-replacement
test('two verifiers behind one Envoy are replaced one after the other', async () => {
  await open(withSecondEndpoint);
  const second = await writeSecondConfiguration();
  start(second);
  await serves(socketPath('second'));
  // Until Envoy has noticed the second, the first has nobody to stand in for it.
  await sleep(1_500);
  const exchanged = await underLoad(async () => {
    await stage.federation.interrupt('verifier');
    await stage.federation.resume('verifier');
    await sleep(1_500);
    expect(await processes[0]!.stop()).toBe(0);
    start(second);
    await serves(socketPath('second'));
    await sleep(1_500);
  });
  expect([...(await sentAgain(exchanged)).keys()]).toEqual([409]);
  for (let count = 0; count < 100; count++) {
    const outgoing = telemetry({ by: world.a });
    const copies = await Promise.all([1, 2, 3, 4].map(() => stage.send('HTTP/1.1', outgoing)));
    expect(copies.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
  }
}, 240_000);

// Fault: drain
describe('a verifier that is told to stop', () => {
  const health = async (service = ''): Promise<string> =>
    (await askHealth({ socketPath: socketPath('second'), service, timeoutMilliseconds: 1_000 })).kind;

  async function openSecond(drain: object): Promise<VerifierProcess> {
    await open(withSecondEndpoint);
    const file = await writeSecondConfiguration();
    const { admin } = document;
    writeFileSync(
      file,
      stringify({
        ...document,
        listen: { socket: 'run/second.sock' },
        admin: { ...admin, port: await anyFreePort() },
        limits: { ...limits, ...drain },
      }),
      { mode: 0o600 },
    );
    const process = start(file);
    await serves(socketPath('second'));
    await sleep(1_500);
    return process;
  }

  test('says so at once, serves on for the delay, and ends within its limit', async () => {
    const process = await openSecond({ drainMilliseconds: 3_000, drainDelayMilliseconds: 1_000 });
    const startedMs = performance.now();
    process.signal('SIGTERM');
    await eventually(async () => (await health()) === 'not_serving', 900);
    expect(await health('countersign.nonce_store')).toBe('serving');
    expect(await process.ended).toBe(0);
    expect(performance.now() - startedMs).toBeGreaterThanOrEqual(1_000);
  }, 120_000);

  test('ends at once when it is told a second time', async () => {
    const process = await openSecond({ drainMilliseconds: 600_000, drainDelayMilliseconds: 600_000 });
    process.signal('SIGTERM');
    await eventually(async () => (await health()) === 'not_serving');
    expect(process.hasEnded).toBe(false);
    process.signal('SIGTERM');
    expect(await process.ended).toBe(0);
  }, 120_000);
});

test('serve --replace is refused where the nonces are in memory, and the one that serves goes on', async () => {
  await open();
  const file = join(stage.directory, 'memory.yaml');
  writeFileSync(file, stringify({ ...document, nonces: { store: 'memory' } }), { mode: 0o600 });
  expect(await start(file, true).ended).toBe(3);
  expect((await stage.send('HTTP/1.1', telemetry({ by: world.a }))).status).toBe(202);
}, 120_000);
