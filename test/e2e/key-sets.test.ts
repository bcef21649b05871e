/** Keys that producers publish: they rotate without a reload of ours, what is not pinned is nobody's, and a set that is away ends. */
// Faults: every test
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fetchPage } from '../../tools/local-federation/health.js';
import type { Credentials } from '../../tools/local-federation/producer.js';
import { until } from '../support/until.js';
import { makeTlsFiles, type TlsFiles } from '../unit/client/tls-files.js';
import { EvenLoad, unlike } from './support/even-load.js';
import { PRODUCER_B } from '../../tools/local-federation/parties.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

interface PublishedKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly thumbprint: string;
  readonly jwk: object;
}

/** As a producer makes it, on node:crypto alone. */
function newKey(kid: string): PublishedKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x } = publicKey.export({ format: 'jwk' });
  const text = `{"crv":"Ed25519","kty":"OKP","x":"${x}"}`;
  return {
    kid,
    privateKey,
    thumbprint: createHash('sha256').update(text).digest('base64url'),
    jwk: { kty: 'OKP', crv: 'Ed25519', x, kid, use: 'sig' },
  };
}

const keys = ['k0', 'k1', 'k2', 'k3'].map(newKey);
const [first, second] = keys as [PublishedKey, PublishedKey];
const published = new Map<string, string>();
const publish = (path: string, ...these: readonly PublishedKey[]): void => {
  published.set(path, JSON.stringify({ keys: these.map(({ jwk }) => jwk) }));
};

let files: TlsFiles;
let server: Server;
let port = 0;
let stage: Stage;
let world: World;
let isAway = false;

function openServer(): Server {
  const { certificateFile, keyFile } = files.server;
  const options = { cert: readFileSync(certificateFile), key: readFileSync(keyFile) };
  return createServer(options, ({ url = '' }, answer) => {
    if (isAway && url === '/b') answer.socket?.destroy();
    else answer.setHeader('content-type', 'application/jwk-set+json').end(published.get(url));
  });
}

beforeAll(async () => {
  files = makeTlsFiles();
  publish('/a', first);
  publish('/b', first);
  server = openServer();
  await new Promise<void>((done) => server.listen(0, 'localhost', done));
  ({ port } = server.address() as AddressInfo);
  const set = (path: string, maxStaleSeconds: number): object => ({
    url: `https://localhost:${port}${path}`,
    caFile: files.ca.certificateFile,
    thumbprints: keys.map(({ thumbprint }) => thumbprint),
    refreshSeconds: 1,
    maxStaleSeconds,
  });
  stage = await Stage.open({
    patchConfiguration: (document) => {
      const [a, b, ...others] = document.identities;
      const identities = [
        { ...a, keys: [], keySets: [set('/a', 3_600)] },
        { ...b, keys: [], keySets: [set('/b', 4)] },
        ...others,
      ] as typeof document.identities;
      return { ...document, identities };
    },
  });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(async () => {
  await stage.close();
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
  rmSync(files.directory, { recursive: true });
}, 90_000);

const by = (credentials: Credentials, key: PublishedKey): Credentials => ({
  ...credentials,
  signingKey: key.privateKey,
});
const fromA = (key: PublishedKey, kid = key.kid) => telemetry({ by: by(world.a, key), kid });
const fromB = (key: PublishedKey) => telemetry({ by: by(world.b, key), kid: key.kid, party: PRODUCER_B });

interface Shown {
  readonly url: string;
  readonly kids: readonly string[];
  readonly fault?: string;
}

async function shown(path: string): Promise<Shown | undefined> {
  const { body } = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/status`);
  const { key_sets: sets } = JSON.parse(body) as { key_sets?: { sets: readonly Shown[] } };
  return sets?.sets.find(({ url }) => url.endsWith(path));
}

const untilKids = (path: string, ...kids: readonly string[]): Promise<void> =>
  until(`${path} gives ${kids.join()}`, async () => (await shown(path))?.kids.join() === kids.join());

/** The status, and the code of the record. */
async function outcome(outgoing: ReturnType<typeof fromA>): Promise<readonly unknown[]> {
  const { answer, records } = await stage.exchange('HTTP/2', outgoing);
  return [answer.status, records[0]?.code];
}

// Fault: key-set-rotation
test('three rotations under load, without a reload: nothing is refused, and what is withdrawn counts no more', async () => {
  await untilKids('/a', 'k0');
  let signing = first;
  const load = new EvenLoad({ door: stage.door, perSecond: 100, make: () => fromA(signing) });
  try {
    for (const next of keys.slice(1)) {
      const former = signing;
      publish('/a', former, next);
      await untilKids('/a', former.kid, next.kid);
      signing = next;
      await load.answered();
      publish('/a', next);
      await untilKids('/a', next.kid);
    }
  } finally {
    load.pause();
  }
  const exchanged = await load.stop();
  expect(unlike(exchanged, 202)).toEqual([]);
  expect(exchanged.length).toBeGreaterThan(100);
  expect(await outcome(fromA(first))).toEqual([401, 'key_unknown']);
  const { body } = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/status`);
  expect((JSON.parse(body) as { configuration: object }).configuration).toMatchObject({ generation: 1 });
}, 120_000);

// Fault: key-set-forged
test('a key that is not pinned is nobody’s, with a kid of its own as with that of a pinned one', async () => {
  const [forged, namesake] = [newKey('forged'), newKey('k1')];
  publish('/a', namesake, forged, second);
  await untilKids('/a', 'k1');
  expect(await outcome(fromA(forged))).toEqual([401, 'key_unknown']);
  expect(await outcome(fromA(namesake))).toEqual([401, 'signature_invalid']);
  expect(await outcome(fromA(second))).toEqual([202, 'allow']);
});

// Fault: key-set-away
test('a server that is away beyond maxStaleSeconds: the keys end, nobody else notices, and they are back with it', async () => {
  const untilOutcome = (...wanted: readonly unknown[]): Promise<void> =>
    until(`it is ${wanted.join(' ')}`, async () => (await outcome(fromB(first))).join() === wanted.join());
  await untilOutcome(202, 'allow');
  isAway = true;
  await untilOutcome(401, 'key_not_valid');
  expect(await shown('/b')).toMatchObject({ kids: [], fault: expect.stringContaining('closed') as string });
  expect(await outcome(fromA(second))).toEqual([202, 'allow']);
  const ready = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/readyz`);
  expect([ready.status, ready.body]).toEqual([200, expect.stringContaining('key_sets')]);
  isAway = false;
  await untilOutcome(202, 'allow');
}, 60_000);
