/**
 * Two verifiers, one Redis, and answers that may only name what their tenant has submitted: whichever verifier took
 * the graph, the other one knows it.
 */
import { PRODUCER_A, PRODUCER_B } from '../../tools/local-federation/parties.js';
import { RedisServer } from '../support/redis-server.js';
import { until } from '../support/until.js';
import { genuineFor, type Envelope } from './support/feedback-answers.js';
import { sendHttp2 } from './support/http2-client.js';
import type { Answer, Outgoing } from './support/outgoing.js';
import { feedback, graph } from './support/requests.js';
import { Twins } from './support/twins.js';

type Verifier = 0 | 1;

/** Two processes that start on a machine that does other things. */
const RESTART_MILLISECONDS = 90_000;

let redis: RedisServer;
let twins: Twins;

beforeAll(async () => {
  redis = await RedisServer.start();
  twins = await Twins.open({
    redis: redis.address,
    patchConfiguration: (document) => ({
      ...document,
      ...(document.feedback && { feedback: { ...document.feedback, executions: { required: true } } }),
    }),
  });
}, 120_000);
afterAll(async () => {
  await twins.close();
  await redis.remove();
}, 60_000);

/** Sent to one of them; one that is told to come again does. */
async function send(verifier: Verifier, outgoing: () => Outgoing): Promise<Answer> {
  let answer: Answer | undefined;
  await until('an answer that is no 503', async () => {
    answer = await sendHttp2(twins.doors[verifier], outgoing());
    return answer.status !== 503;
  });
  return answer!;
}

const submit = async (verifier: Verifier): Promise<number> =>
  (await send(verifier, () => graph({ by: twins.world.a }))).status;
const query = (verifier: Verifier): Promise<Answer> => send(verifier, () => feedback({ by: twins.world.a }));

/** Signed for the tenant that asked, and not empty. */
function expectSigned({ status, body }: Answer): void {
  expect({ status, body }).toMatchObject({ status: 200 });
  expect((JSON.parse(body) as Envelope).data.length).toBeGreaterThan(0);
  const keyring = twins.stage.federation.environment.COUNTERSIGN_FEEDBACK_KEYRING_JSON;
  expect(genuineFor(body, keyring, [PRODUCER_A.tenant, PRODUCER_B.tenant])).toEqual([PRODUCER_A.tenant]);
}

test('an answer is signed by the verifier that has not seen the graph', async () => {
  expect(await submit(0)).toBe(202);
  expectSigned(await query(1));
  expect(await submit(1)).toBe(202);
  expectSigned(await query(0));
});

test(
  'what was submitted is known after both verifiers were started anew',
  async () => {
    await twins.restart();
    await twins.untilServing();
    for (const verifier of [0, 1] as const) expectSigned(await query(verifier));
  },
  RESTART_MILLISECONDS,
);

test('nothing is signed for what the Redis has lost, by neither of them', async () => {
  const lost = (await redis.command('KEYS', '*:{executions}:*')) as string[];
  expect(lost.length).toBeGreaterThan(1);
  await redis.command('DEL', ...lost);
  for (const verifier of [0, 1] as const) {
    const { status, body } = await query(verifier);
    expect(status).toBe(502);
    expect(body).not.toContain('signature');
  }
  expect(await twins.stage.feedback('adjustment_not_submitted')).toBe(1);
});
