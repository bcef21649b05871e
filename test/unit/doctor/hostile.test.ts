import { readFileSync } from 'node:fs';
import { readDocument } from '../../../src/doctor/read/document.js';
import { corpusOf } from '../../doctor/corpus/corpus.js';
import { verdictOn } from '../../doctor/support/judged.js';

/** Every value of a document replaced by another type, one in each copy. */
function* withOneOdd(value: unknown, odd: unknown): Iterable<unknown> {
  yield odd;
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value))
    for (const changed of withOneOdd(member, odd)) {
      const copy: unknown = Array.isArray(value) ? [...(value as unknown[])] : { ...value };
      (copy as Record<string, unknown>)[name] = changed;
      yield copy;
    }
}

describe('a hostile document', () => {
  const text = JSON.stringify(corpusOf('1.40').good);

  it('that ends too early is refused, wherever it ends', () => {
    for (let end = 0; end < text.length; end += 997)
      expect(readDocument('dump', text.slice(0, end))).toHaveProperty('message');
  });

  it('that is nested too deeply is refused, and not recursed into', () => {
    const depth = 100_000;
    for (const [open, close] of [
      ['[', ']'],
      ['{"configs":', '}'],
    ] as const)
      expect(readDocument('dump', open.repeat(depth) + '1' + close.repeat(depth))).toHaveProperty('message');
  });

  it.each([null, 7, 'text', true, [], {}, { '@type': 'x' }])(
    'with %j in the place of any value is judged',
    (odd) => {
      const { configs } = corpusOf('1.40').good as { configs: { static_listeners?: unknown[] }[] };
      const listeners = configs.find(({ static_listeners: list }) => list !== undefined)!;
      for (const changed of withOneOdd(listeners, odd))
        expect(() => verdictOn({ configs: [changed] })).not.toThrow();
    },
  );

  it('of a bootstrap that ends too early is never good', () => {
    const yaml = readFileSync('envoy/bootstrap.yaml', 'utf8');
    for (let end = 0; end < yaml.length; end += 4999) {
      const parts = readDocument('bootstrap.yaml', yaml.slice(0, end));
      expect('message' in parts || parts.form === 'bootstrap').toBe(true);
    }
  });
});
