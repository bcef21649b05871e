import { whyText } from '../../../src/why/report.js';

const told = (record: object): string =>
  whyText({
    id: 'd',
    records: [{ decision_id: 'd', time: 'T', ...record }],
    copies: [],
    sameNonce: [],
    lines: [],
    hasMore: false,
  });

describe('what Envoy reported of a request', () => {
  it.each([
    ['request.delivered', 'It was delivered to the application. The client got HTTP 200, at T.'],
    ['request.undelivered', 'It never reached the application'],
    ['request.delivery_unknown', 'may have reached the application or not'],
    ['envoy.refused', 'had or claimed this id by itself: the verifier was not asked'],
  ])('%s is a sentence, and no decision without a code', (event, sentence) => {
    const text = told({ event, status: 200, flags: 'UF', attempts: 2 });
    expect(text).toContain(sentence);
    expect(text).toContain('no connection to the application could be made (UF)');
    expect(text).not.toMatch(/without a code|access log says nothing/);
  });

  it('does not contradict itself: what was not sent is not said to have perhaps arrived', () => {
    const allow = { time: 'T', decision_id: 'd', code: 'allow', status: 200 };
    const line = { time: 'T', decision_id: 'd', code: 'allow', status: 503, details: 'no_healthy_upstream' };
    const text = (event: string): string =>
      whyText({
        id: 'd',
        records: [allow, { time: 'T', decision_id: 'd', event, status: 503 }],
        copies: [],
        sameNonce: [],
        lines: [line],
        hasMore: false,
      });
    expect(text('request.undelivered')).toContain('so the same bytes may come again');
    expect(text('request.undelivered')).not.toMatch(/may have got it or not|nonce is spent|next:/);
  });

  it('says of what nobody has verified that it is claimed', () => {
    expect(told({ event: 'envoy.refused', status: 413, method: 'POST', path: '/a' })).toMatch(
      /request: +POST \/a \(claimed, as all of it\)/,
    );
  });

  it.each([
    [{ first_status: 202 }, 'which was answered with HTTP 202'],
    [{}, 'what became of it was not known yet'],
  ])('tells of a replay what is known of the first copy: %j', (members, words) => {
    const text = told({ code: 'replayed_nonce', status: 409, first_decision_id: 'f', ...members });
    expect(text).toContain(`f${'first_status' in members ? ',' : ';'} ${words}`);
    expect(text).toContain('`countersign why f` tells what became of the first copy');
  });
});
