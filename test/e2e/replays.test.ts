/** Ten thousand copies of one request at the same time: exactly one is let through. */
import { sendOn, openHttp2 } from './support/http2-client.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldOf } from './support/world.js';

const COPIES = 10_000;
const CONNECTIONS = 10;
/** A queue of this many checks takes longer than a second to judge; the question here is another one. */
const CHECK_MILLISECONDS = 60_000;

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open({
    patchConfiguration: (document) => ({
      ...document,
      freshness: { pastSkewSeconds: 300 },
      limits: { checkTimeoutMilliseconds: CHECK_MILLISECONDS },
    }),
  });
}, 120_000);
afterAll(() => stage.close(), 90_000);

// Fault: copies
test('of 10,000 concurrent copies over ten connections exactly one is let through, and every other names it', async () => {
  const { a } = worldOf(stage.federation.credentials);
  const outgoing = telemetry({ by: a });
  const sessions = Array.from({ length: CONNECTIONS }, () => openHttp2(stage.door, a));
  const answers = await Promise.all(
    Array.from({ length: COPIES }, (_, index) =>
      sendOn(sessions[index % CONNECTIONS]!, outgoing, CHECK_MILLISECONDS),
    ),
  );
  for (const session of sessions) session.destroy();
  const count = (status: number): number => answers.filter((answer) => answer.status === status).length;
  expect({ accepted: count(202), replayed: count(409) }).toEqual({ accepted: 1, replayed: COPIES - 1 });
  const arrivals = await stage.arrivals();
  expect(arrivals).toHaveLength(1);
  const accepted = answers.find(({ status }) => status === 202);
  const { request_id: first } = JSON.parse(accepted?.body ?? '{}') as { request_id: string };
  const named = answers
    .filter(({ status }) => status === 409)
    .map(
      ({ body }) =>
        (JSON.parse(body) as { errors: [{ first_request_id: string }] }).errors[0].first_request_id,
    );
  expect(new Set(named)).toEqual(new Set([first]));
  expect(await stage.decisions('allow')).toBe(1);
}, 180_000);
