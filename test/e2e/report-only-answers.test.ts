/**
 * What becomes of an answer on a route that signs when report-only let its request pass: signed where a tenant is
 * established, and else as it is, through both fronts and past the guard.
 */
import { adjustment } from './support/feedback-answers.js';
import { openFeedbackStage, type FeedbackStage } from './support/feedback-stage.js';
import { FRONTS } from './support/front.js';
import { replacing, type Outgoing } from './support/outgoing.js';
import { everything, reportOnly } from './support/report-only.js';
import { feedback } from './support/requests.js';
import { answering, type Script } from './support/scripted-application.js';
import type { Seen } from './support/stage.js';

const PLAIN = JSON.stringify([adjustment()]);
/** Of the syntax, and of nobody. */
const WRONG_SIGNATURE = `${'A'.repeat(86)}==`;

describe.each(FRONTS)('by way of %s', (front) => {
  let on: FeedbackStage;
  beforeAll(async () => {
    on = await openFeedbackStage('current', { front });
    await reportOnly(on.stage, everything);
  }, 180_000);
  afterAll(() => on.close(), 90_000);

  const ask = async (outgoing: Outgoing, script: Script): Promise<Seen> => {
    on.application.script = script;
    const seen = await on.stage.exchange('HTTP/1.1', outgoing);
    expect(seen.records[0]).toMatchObject({ code: 'would_refuse' });
    return seen;
  };
  const unproven = (): Outgoing =>
    replacing(feedback({ by: on.world.a }), 'x-telemetry-signature', WRONG_SIGNATURE);

  it('an answer for nobody who is established passes as it is, without a mark of ours', async () => {
    const before = await on.stage.feedback('unsigned');
    const pretending = { 'x-countersign-answer': 'signed', etag: '"1"' };
    const { answer, records } = await ask(unproven(), answering(200, PLAIN, pretending));
    expect([answer.status, answer.body, answer.headers.get('etag')]).toEqual([200, PLAIN, '"1"']);
    expect([...answer.headers.keys()].filter((name) => name.includes('countersign'))).toEqual([]);
    expect(records).toHaveLength(1);
    expect(await on.stage.feedback('unsigned')).toBe(before + 1);
  });

  it.each([201, 302, 404])('so does one of %d', async (status) => {
    const { answer } = await ask(unproven(), answering(status, PLAIN));
    expect([answer.status, answer.body]).toEqual([status, PLAIN]);
  });

  it('an answer is signed where nothing but the time was let pass', async () => {
    const late = feedback({ by: on.world.a, timestamp: 1_700_000_000 });
    const { answer } = await ask(late, answering(200, PLAIN));
    expect([answer.status, Object.keys(JSON.parse(answer.body) as object)]).toEqual([
      200,
      expect.arrayContaining(['signature', 'kid']),
    ]);
  });
});
