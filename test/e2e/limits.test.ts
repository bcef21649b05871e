/** Bounds: bodies to the byte, a full nonce store, a quota, too many checks at once, a start without memory. */
import { rmSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { PRODUCER_B } from '../../tools/local-federation/parties.js';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { until } from '../support/until.js';
import { expectAllowed, expectRefusal, expectRefusedUnasked } from './support/expectations.js';
import { sendOn } from './support/http2-client.js';
import { PROTOCOLS, type Outgoing, type Protocol } from './support/outgoing.js';
import { nowSeconds, signedBytes, telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

const MEBIBYTE = 1_048_576;

const withNotes = (document: ConfigurationDocument): ConfigurationDocument => ({
  ...document,
  policies: [...document.policies, { name: 'notes', match: { methods: ['POST'], path: '/notes' } }],
});

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: withNotes });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(() => stage.close(), 90_000);

const note = (body: Buffer, changes: Partial<Outgoing> = {}): Outgoing => ({
  ...signedBytes({ by: world.a }, '/notes', body),
  ...changes,
});

const notWhole = { status: 413, client: 'body_not_accepted', audit: 'body_not_whole' } as const;

/** An over-long body over HTTP/2: Envoy refuses it itself, or has it judged with its mark; it never passes. */
async function expectTooLarge(protocol: Protocol, outgoing: Outgoing): Promise<void> {
  const seen = await stage.exchange(protocol, outgoing);
  if (seen.records.length > 0) expectRefusal(seen, notWhole);
  else expectRefusedUnasked(seen, 413, 'body_not_accepted');
}

// Fault: oversize
describe.each(PROTOCOLS)('bodies around the limit of 1 MiB, over %s', (protocol) => {
  const full = Buffer.alloc(MEBIBYTE, 'x');
  const over = Buffer.alloc(MEBIBYTE + 1, 'x');

  test.each([
    ['announced, in one piece', {}],
    ['announced, in two pieces', { pieces: [MEBIBYTE - 1] }],
    ['not announced', { framing: 'unannounced' as const }],
    ['not announced, in three pieces', { framing: 'unannounced' as const, pieces: [1, MEBIBYTE - 2] }],
  ])('a body of exactly the limit passes: %s', async (_title, changes) => {
    const outgoing = note(full, changes);
    expectAllowed(await stage.exchange(protocol, outgoing), outgoing, 200);
  });

  test.each([
    ['announced, in one piece', {}],
    ['announced, its last byte apart', { pieces: [MEBIBYTE] }],
    ['not announced', { framing: 'unannounced' as const }],
    ['not announced, its last byte apart', { framing: 'unannounced' as const, pieces: [MEBIBYTE] }],
    ['not announced, half of it apart', { framing: 'unannounced' as const, pieces: [MEBIBYTE / 2] }],
  ])('a body of one byte more is refused: %s', async (_title, changes) => {
    await expectTooLarge(protocol, note(over, changes));
  });

  test('a signature over the first MiB alone does not carry the byte behind it', async () => {
    const outgoing = note(full);
    await expectTooLarge(protocol, { ...outgoing, body: over });
    await expectTooLarge(protocol, { ...outgoing, body: over, framing: 'unannounced' });
  });

  test('a body of 3 MiB is refused', async () => {
    const seen = await stage.exchange(protocol, note(Buffer.alloc(3 * MEBIBYTE, 'x')));
    expectRefusedUnasked(seen, 413, 'body_not_accepted');
  });
});

// Fault: oversize
describe('a limit below one frame', () => {
  const LIMIT = 10_000;

  beforeAll(
    () =>
      stage.change({
        patchConfiguration: (document) => ({ ...withNotes(document), limits: { maxBodyBytes: LIMIT } }),
      }),
    120_000,
  );

  test.each([
    ['one frame', {}],
    ['two frames', { pieces: [LIMIT - 1] }],
    ['two frames, not announced', { framing: 'unannounced' as const, pieces: [LIMIT / 2] }],
  ])('a body of exactly the limit passes in %s', async (_title, changes) => {
    const outgoing = note(Buffer.alloc(LIMIT, 'x'), changes);
    expectAllowed(await stage.exchange('HTTP/2', outgoing), outgoing, 200);
  });

  test.each([
    ['one frame', {}],
    ['one frame, not announced', { framing: 'unannounced' as const }],
    ['two frames', { pieces: [LIMIT] }],
    ['two frames, not announced', { framing: 'unannounced' as const, pieces: [LIMIT] }],
    ['three frames, not announced', { framing: 'unannounced' as const, pieces: [LIMIT - 1, 1] }],
  ])(
    'one byte more, in %s, reaches the verifier marked as partial and is refused',
    async (_title, changes) => {
      await expectTooLarge('HTTP/2', note(Buffer.alloc(LIMIT + 1, 'x'), changes));
    },
  );

  test('the overshoot of a last frame is refused though its first bytes were signed', async () => {
    const outgoing = note(Buffer.alloc(LIMIT, 'x'), { framing: 'unannounced' });
    const seen = await stage.exchange('HTTP/2', { ...outgoing, body: Buffer.alloc(LIMIT + 6_000, 'x') });
    expectRefusal(seen, notWhole);
  });
});

// Fault: store-full
describe('a nonce store with a bound', () => {
  test.each([
    ['nonce_store_full', { maxEntries: 4 }, 'other'],
    ['nonce_quota_exceeded', { maxEntries: 100, maxEntriesPerIdentity: 4 }, 'own'],
  ] as const)(
    '%s: full means 503, never forgetting',
    async (audit, bounds, scope) => {
      await stage.close();
      stage = await Stage.open({
        patchConfiguration: (document) => ({
          ...withNotes(document),
          nonces: { store: 'lmdb', directory: 'state/nonces', ...bounds },
        }),
      });
      world = worldOf(stage.federation.credentials);
      const kept = telemetry({ by: world.a });
      expectAllowed(await stage.exchange('HTTP/1.1', kept), kept, 202);
      for (let count = 1; count < 4; count++) {
        const outgoing = telemetry({ by: world.a });
        expectAllowed(await stage.exchange('HTTP/2', outgoing), outgoing, 202);
      }
      for (const protocol of PROTOCOLS) {
        expectRefusal(await stage.exchange(protocol, telemetry({ by: world.a })), {
          status: 503,
          client: 'unavailable',
          audit,
        });
        expect((await stage.exchange(protocol, kept)).records[0]?.code).toBe('replayed_nonce');
      }
      const foreign = telemetry({ by: world.b, party: PRODUCER_B });
      const seen = await stage.exchange('HTTP/1.1', foreign);
      expect(seen.answer.status).toBe(scope === 'own' ? 202 : 503);
    },
    120_000,
  );
});

// Fault: store-new
test('a store without memory refuses what it may have let in before it started', async () => {
  await stage.close();
  stage = await Stage.open({
    patchConfiguration: (document) => ({
      ...document,
      freshness: { pastSkewSeconds: 300, futureSkewSeconds: 2 },
    }),
  });
  world = worldOf(stage.federation.credentials);
  await stage.federation.interrupt('verifier');
  rmSync(join(stage.federation.layout.state, 'nonces'), { recursive: true });
  await stage.federation.resume('verifier');
  for (const protocol of PROTOCOLS) {
    const seen = await stage.exchange(protocol, telemetry({ by: world.a, timestamp: nowSeconds() - 100 }));
    expectRefusal(seen, { status: 503, client: 'unavailable', audit: 'nonce_below_floor' });
    const fresh = telemetry({ by: world.a });
    expectAllowed(await stage.exchange(protocol, fresh), fresh, 202);
  }
}, 120_000);

// Fault: overload
test('checks over the bound are shed with 503, and the same bytes pass afterwards', async () => {
  await stage.close();
  stage = await Stage.open({
    patchConfiguration: (document) => ({
      ...document,
      // None is to be refused for its deadline: that is counted as something else.
      limits: { maxConcurrentChecks: 1, checkTimeoutMilliseconds: 10_000 },
    }),
  });
  world = worldOf(stage.federation.credentials);
  const requests = Array.from({ length: 60 }, () => telemetry({ by: world.a }));
  const session = connect(stage.federation.environment.COUNTERSIGN_URL, {
    ca: stage.door.authority,
    cert: world.a.certificate,
    key: world.a.certificateKey,
  });
  const answers = await Promise.all(requests.map((outgoing) => sendOn(session, outgoing)));
  session.close();
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 503]));
  expect(await stage.decisions('overloaded')).toBe(answers.filter(({ status }) => status === 503).length);
  const shed = requests.filter((_, index) => answers[index]?.status === 503);
  for (const outgoing of shed) {
    await until('what was shed passes', async () => (await stage.send('HTTP/1.1', outgoing)).status === 202);
  }
}, 120_000);
