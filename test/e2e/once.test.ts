/** Once, now, and no more often than allowed: replays, the edges of the window, the rate limit. */
import { join } from 'node:path';
import { PRODUCER_A, PRODUCER_B } from '../../tools/local-federation/parties.js';
import { newNonce } from '../../tools/local-federation/producer.js';
import { expectAllowed, expectRefusal, refusalBody } from './support/expectations.js';
import { headerOf, PROTOCOLS, type Outgoing } from './support/outgoing.js';
import { expectTrueReplays, sendAndReset } from './support/reset-copies.js';
import { bundle, graph, nowSeconds, signedBytes, telemetry } from './support/requests.js';
import { Stage, type Seen } from './support/stage.js';
import { LIMITED_PER_MINUTE, worldConfiguration, worldOf, type World } from './support/world.js';

const SKEW_SECONDS = 30;
const PER_MINUTE = 5;

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: worldConfiguration });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(() => stage.close(), 90_000);

const replayed = { status: 409, client: 'replayed_nonce', audit: 'replayed_nonce' } as const;

describe.each(PROTOCOLS)('over %s', (protocol) => {
  test('the same bytes again are a replay, which names the copy that was let through', async () => {
    const outgoing = telemetry({ by: world.a });
    const before = nowSeconds();
    const first = await stage.exchange(protocol, outgoing);
    expectAllowed(first, outgoing, 202);
    for (let copy = 0; copy < 3; copy++) {
      const again = await stage.exchange(protocol, outgoing);
      expectRefusal(again, replayed);
      const [error] = refusalBody(again).errors;
      expect(error?.first_request_id).toBe(first.records[0]?.decision_id);
      expect(error?.first_seen_at).toBeGreaterThanOrEqual(before);
      expect(error?.first_seen_at).toBeLessThanOrEqual(nowSeconds());
      expect(again.records[0]?.first_decision_id).toBe(first.records[0]?.decision_id);
    }
  });

  test('a nonce is spent for its key whatever the route, the body or the timestamp', async () => {
    const nonce = newNonce();
    const timestamp = nowSeconds();
    const first = telemetry({ by: world.a, nonce, timestamp });
    expectAllowed(await stage.exchange(protocol, first), first, 202);
    const others = [
      telemetry({ by: world.a, nonce, timestamp: timestamp - 1 }),
      graph({ by: world.a, nonce, timestamp }),
      signedBytes({ by: world.a, nonce }, '/notes', Buffer.from('note')),
      signedBytes({ by: world.a, nonce, kid: 'default' }, '/tree/x', Buffer.from('leaf')),
    ];
    for (const outgoing of others) expectRefusal(await stage.exchange(protocol, outgoing), replayed);
  });

  test("the same key under another identity's name spends the same nonce", async () => {
    const nonce = newNonce();
    const first = telemetry({ by: world.a, nonce });
    expectAllowed(await stage.exchange(protocol, first), first, 202);
    expectRefusal(
      await stage.exchange(protocol, telemetry({ by: world.named('producer-open'), nonce })),
      replayed,
    );
  });

  test("another producer's key may use the same nonce", async () => {
    const nonce = newNonce();
    const first = telemetry({ by: world.a, nonce });
    const other = telemetry({ by: world.b, party: PRODUCER_B, nonce });
    expectAllowed(await stage.exchange(protocol, first), first, 202);
    expectAllowed(await stage.exchange(protocol, other), other, 202);
  });

  test('nobody can burn the nonce of another: a forged copy before the genuine one changes nothing', async () => {
    const genuine = telemetry({ by: world.a });
    const forged: Outgoing = { ...genuine, body: Buffer.concat([genuine.body, Buffer.from(' ')]) };
    const stolen: Outgoing = { ...genuine, over: world.b };
    expect((await stage.exchange(protocol, forged)).records[0]?.code).toBe('signature_invalid');
    expect((await stage.exchange(protocol, stolen)).records[0]?.code).toBe('certificate_claim_mismatch');
    expectAllowed(await stage.exchange(protocol, genuine), genuine, 202);
  });

  test('what was refused with 422 or 403 has burnt nothing', async () => {
    const nonce = newNonce();
    const bad = telemetry({ by: world.a, nonce, change: (body) => ({ ...body, extra: 1 }) });
    const foreign = telemetry({ by: world.a, nonce, party: PRODUCER_B });
    expect((await stage.exchange(protocol, bad)).answer.status).toBe(422);
    expect((await stage.exchange(protocol, foreign)).answer.status).toBe(403);
    const good = telemetry({ by: world.a, nonce });
    expectAllowed(await stage.exchange(protocol, good), good, 202);
  });

  test('a bundle is evidence: it may be shown again', async () => {
    const outgoing = bundle({ by: world.a });
    expectAllowed(await stage.exchange(protocol, outgoing), outgoing, 200);
    expectAllowed(await stage.exchange(protocol, outgoing), outgoing, 200);
  });

  test.each([
    ['the oldest second of the window', -SKEW_SECONDS, 'allow'],
    ['one second before the window', -SKEW_SECONDS - 1, 'timestamp_outside_window'],
    ['the last second of the window', SKEW_SECONDS, 'allow'],
    ['one second after the window', SKEW_SECONDS + 1, 'timestamp_outside_window'],
  ])('%s (%d s) is judged: %s', async (_title, shift, code) => {
    expect(
      await withinOneSecond((now) =>
        stage.exchange(protocol, telemetry({ by: world.a, timestamp: now + shift })),
      ),
    ).toBe(code);
  });

  test('a replay at the end of the window is still known', async () => {
    const code = await withinOneSecond(async (now) => {
      const outgoing = telemetry({ by: world.a, timestamp: now - SKEW_SECONDS });
      await stage.exchange(protocol, outgoing);
      return stage.exchange(protocol, outgoing);
    });
    expect(code).toBe('replayed_nonce');
  });
});

// Fault: copies
test('a copy on a second connection is told of no claim that is taken back, while the first stream is reset', async () => {
  const make = (): Outgoing => telemetry({ by: world.a });
  const told = await sendAndReset({ doors: [stage.door, stage.door], make, count: 240 });
  expectTrueReplays(told, join(stage.federation.layout.audit, 'decisions.ndjson'));
}, 90_000);

/** The code of an exchange that began and ended within one second of the clock, which is the verifier's clock too. */
async function withinOneSecond(act: (now: number) => Promise<Seen>): Promise<string | undefined> {
  for (let attempt = 0; attempt < 10; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000 - (Date.now() % 1_000) + 5));
    const now = nowSeconds();
    const { records } = await act(now);
    if (nowSeconds() === now) return records[0]?.code;
  }
  throw new Error('no exchange ended within its second');
}

describe('the rate limit', () => {
  const limited = { status: 429, client: 'rate_limited', audit: 'rate_limited' } as const;
  const note = (by = world.a): Outgoing => signedBytes({ by }, '/limited', Buffer.from('x'));

  test('counts what was let through, neither replays nor refusals, and says when to come again', async () => {
    const first = note();
    expectAllowed(await stage.exchange('HTTP/1.1', first), first, 200);
    for (let copy = 0; copy < 2 * LIMITED_PER_MINUTE; copy++) {
      expectRefusal(await stage.exchange('HTTP/2', first), replayed);
      const forged = { ...note(), body: Buffer.from('y') };
      expect((await stage.exchange('HTTP/2', forged)).records[0]?.code).toBe('signature_invalid');
    }
    for (let count = 1; count < LIMITED_PER_MINUTE; count++) {
      const outgoing = note();
      expectAllowed(await stage.exchange('HTTP/2', outgoing), outgoing, 200);
    }
    for (const protocol of PROTOCOLS) {
      const seen = await stage.exchange(protocol, note());
      expectRefusal(seen, limited);
      expect(seen.records[0]).toMatchObject({
        limit: 'rateLimit.perMinute',
        limit_value: LIMITED_PER_MINUTE,
      });
      const seconds = Number(seen.answer.headers.get('retry-after'));
      expect(seconds).toBeGreaterThanOrEqual(1);
      expect(seconds).toBeLessThanOrEqual(60);
    }
  });

  test('of one producer leaves the other alone', async () => {
    const outgoing = note(world.b);
    expectAllowed(await stage.exchange('HTTP/1.1', outgoing), outgoing, 200);
  });
});

describe('the rate limit of the federation, per operator', () => {
  beforeAll(
    () => stage.change({ patchConfiguration: worldConfiguration, rateLimitPerMinute: PER_MINUTE }),
    120_000,
  );

  test('a retry after 429 with the same bytes is accepted once there is room, not called a replay', async () => {
    for (let count = 0; count < PER_MINUTE; count++) {
      const outgoing = telemetry({ by: world.a });
      expectAllowed(await stage.exchange('HTTP/1.1', outgoing), outgoing, 202);
    }
    const outgoing = telemetry({ by: world.a });
    for (const protocol of PROTOCOLS) {
      expectRefusal(await stage.exchange(protocol, outgoing), {
        status: 429,
        client: 'rate_limited',
        audit: 'rate_limited',
      });
    }
    // Graphs are counted apart, and the other operator has an allowance of its own.
    const other = graph({ by: world.a });
    expectAllowed(await stage.exchange('HTTP/1.1', other), other, 202);
    const foreign = telemetry({ by: world.b, party: PRODUCER_B });
    expectAllowed(await stage.exchange('HTTP/2', foreign), foreign, 202);
    // The room comes from the operator of the verifier, who raises the limit; the nonces outlive the restart.
    await stage.change({ patchConfiguration: worldConfiguration, rateLimitPerMinute: 2 * PER_MINUTE });
    expectAllowed(await stage.exchange('HTTP/1.1', outgoing), outgoing, 202);
    expectRefusal(await stage.exchange('HTTP/1.1', outgoing), replayed);
    expect(headerOf(outgoing, 'X-Service-Identity')).toBe(PRODUCER_A.identity);
  }, 120_000);
});
