import { whyText } from '../../../src/why/report.js';

const told = (record: object): string =>
  whyText({
    id: 'd',
    records: [{ decision_id: 'd', time: 'T', ...record }],
    copies: [],
    lines: [],
    hasMore: false,
  });

describe('what Envoy reported of a request', () => {
  it.each([
    ['request.delivered', 'It was delivered to the application. The client got HTTP 200, at T.'],
    ['request.undelivered', 'It never reached the application'],
    ['request.delivery_unknown', 'may have reached the application or not'],
    ['envoy.refused', 'the verifier was not asked'],
  ])('%s is a sentence, and no decision without a code', (event, sentence) => {
    const text = told({ event, status: 200, flags: 'UF', attempts: 2 });
    expect(text).toContain(sentence);
    expect(text).toContain('no connection to the application could be made (UF)');
    expect(text).not.toMatch(/without a code|access log says nothing/);
  });
});
