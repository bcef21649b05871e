import { isInShare, readTraceParent } from '../../../../src/observability/tracing/traceparent.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('traceparent', () => {
  it.each([
    [`00-${TRACE}-${SPAN}-01`, true],
    [`00-${TRACE}-${SPAN}-00`, false],
    [`00-${TRACE}-${SPAN}-03`, true],
    [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, true],
  ])('is read: %s', (value, isSampled) => {
    expect(readTraceParent([value])).toEqual({ traceId: TRACE, spanId: SPAN, isSampled });
  });

  it.each([
    ['none', []],
    ['two', [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`]],
    ['an empty one', ['']],
    ['version ff', [`ff-${TRACE}-${SPAN}-01`]],
    ['no trace', [`00-${'0'.repeat(32)}-${SPAN}-01`]],
    ['no span', [`00-${TRACE}-${'0'.repeat(16)}-01`]],
    ['capitals', [`00-${TRACE.toUpperCase()}-${SPAN}-01`]],
    ['more behind version 00', [`00-${TRACE}-${SPAN}-01-more`]],
    ['a line end', [`00-${TRACE}-${SPAN}-01\n`]],
    ['two joined by a comma', [`00-${TRACE}-${SPAN}-01,00-${TRACE}-${SPAN}-01`]],
    ['a very long one', [`cc-${TRACE}-${SPAN}-01-${'x'.repeat(10_000)}`]],
  ])('is not read from %s', (_what, values) => {
    expect(readTraceParent(values)).toBeUndefined();
  });

  it('is cut at every byte, and read at none', () => {
    const whole = `00-${TRACE}-${SPAN}-01`;
    for (let length = 0; length < whole.length; length++)
      expect(readTraceParent([whole.slice(0, length)])).toBeUndefined();
  });

  it('takes all, none, and about a share', () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => ({
      traceId:
        'a'.repeat(19) +
        Math.floor((index / 1_000) * 16 ** 13)
          .toString(16)
          .padStart(13, '0'),
    }));
    const taken = (share: number): number => ids.filter((id) => isInShare(id, share)).length;
    expect([taken(0), taken(0.25), taken(1)]).toEqual([0, 250, 1_000]);
  });
});
