/**
 * What Envoy does with answers that our verifier must never give (docs/envoy-behaviour.md#1), shown by something else on its
 * socket; and with a verifier that fails. It is our explicit answers that refuse, not Envoy's good will.
 */
import { status } from '@grpc/grpc-js';
import { join } from 'node:path';
import { PATHS } from '../../tools/local-federation/bodies.js';
import { until } from '../support/until.js';
import { expectRefusal, refusalBody } from './support/expectations.js';
import { PROTOCOLS, removing } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { field, startRogueVerifier, varint, type RogueVerifier } from './support/rogue-verifier.js';
import { Stage } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

let stage: Stage;
let world: World;
let rogue: RogueVerifier;

beforeAll(async () => {
  stage = await Stage.open();
  world = worldOf(stage.federation.credentials);
  await stage.federation.interrupt('verifier');
  rogue = await startRogueVerifier(join(stage.federation.layout.run, 'verifier.sock'));
  rogue.answer = Buffer.alloc(0);
  await until('the rogue is asked', async () => (await stage.send('HTTP/1.1', unsigned())).status !== 503);
}, 120_000);
afterAll(async () => {
  rogue.close();
  await stage.close();
}, 90_000);

const unsigned = () => removing(telemetry({ by: world.a }), 'X-Telemetry-Signature');

/** `CheckResponse.status.code`. */
const rpcStatus = (code: number): Buffer => field(1, varint(1, code));
/** `denied_response.status.code`. */
const denied = (httpStatus: number): Buffer => field(2, field(1, varint(1, httpStatus)));
/** `ok_response.headers[0]`, the old `append` not set. */
const okWithHeader = (name: string, value: string): Buffer =>
  field(3, field(2, field(1, field(1, Buffer.from(name)), field(2, Buffer.from(value)))));

const UNAUTHENTICATED = 16;

// Fault: imposter
describe.each(PROTOCOLS)('over %s', (protocol) => {
  test.each([
    ['an empty CheckResponse', Buffer.alloc(0)],
    ['an empty status', field(1)],
    ['a status code of 0', rpcStatus(0)],
    ['a denial without a status code', denied(401)],
    ['a denial with an empty status', Buffer.concat([field(1), denied(401)])],
  ])(
    '%s is an ALLOW to Envoy: an unsigned request reaches the application, unverified',
    async (_title, answer) => {
      rogue.answer = answer;
      const { answer: got, arrivals } = await stage.exchange(protocol, unsigned());
      expect(arrivals.map(({ path }) => path)).toEqual([PATHS.telemetry]);
      // The reference upstream believes verified headers alone, so even this did not pass as telemetry.
      expect(got.status).toBe(403);
    },
  );

  test.each([
    ['a denial with its code', Buffer.concat([rpcStatus(UNAUTHENTICATED), denied(401)]), 401],
    ['a status code alone', rpcStatus(UNAUTHENTICATED), 403],
    [
      'a negative status code',
      field(1, Buffer.from([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01])),
      403,
    ],
  ])('%s refuses', async (_title, answer, expected) => {
    rogue.answer = answer;
    const seen = await stage.exchange(protocol, unsigned());
    expect([seen.answer.status, seen.arrivals]).toEqual([expected, []]);
  });

  test.each([
    ['a gRPC error', { code: status.INTERNAL, details: 'a secret of the inside' }],
    ['a gRPC error UNAVAILABLE', { code: status.UNAVAILABLE, details: 'a secret of the inside' }],
    ['a gRPC error with code 0 and no message', { code: status.OK, details: '' }],
    ['no answer', 'silence' as const],
    ['bytes that are no CheckResponse', Buffer.from('ffffff', 'hex')],
  ])('%s means 503, and nothing of the inside comes out', async (_title, answer) => {
    rogue.answer = answer;
    const seen = await stage.exchange(protocol, unsigned());
    expect([seen.answer.status, seen.arrivals]).toEqual([503, []]);
    expect(refusalBody(seen).errors[0]?.code).toBe('unavailable');
    expect(seen.answer.body).not.toContain('secret');
  });

  test.each([
    ['a line feed in a header', okWithHeader('x-countersign-identity', 'a\nx-evil: 1')],
    ['a header name that is none', okWithHeader('x countersign', 'a')],
  ])('an allow with %s lets nothing through', async (_title, ok) => {
    rogue.answer = Buffer.concat([rpcStatus(0), ok]);
    const seen = await stage.exchange(protocol, unsigned());
    expect([seen.answer.status, seen.arrivals]).toEqual([500, []]);
    expect(refusalBody(seen).errors[0]?.code).toBe('internal_error');
  });

  test('a check is asked once, whatever becomes of it', async () => {
    rogue.answer = { code: status.UNAVAILABLE, details: '' };
    const before = rogue.checks();
    await stage.exchange(protocol, unsigned());
    expect(rogue.checks()).toBe(before + 1);
  });
});

test('with our verifier back on its socket the same unsigned request is refused', async () => {
  rogue.close();
  await stage.federation.resume('verifier');
  await until('our verifier is asked', async () => (await stage.send('HTTP/1.1', unsigned())).status !== 503);
  for (const protocol of PROTOCOLS) {
    expectRefusal(await stage.exchange(protocol, unsigned()), {
      status: 401,
      client: 'unauthenticated',
      audit: 'header_missing',
    });
  }
}, 120_000);
