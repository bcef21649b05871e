/** Configurations in random layouts, with random comments: an edit says what it should, and touches nothing else. */
import fc from 'fast-check';
import { parse } from 'yaml';
import { editYaml, type YamlEdit } from '../../src/config/edit/edit-yaml.js';

type Item = Record<string, string>;
/** How one thing is laid out. */
type Layout = 'block' | 'flow' | 'json' | 'lines';

const word = fc.stringMatching(/^[a-z][a-z0-9 #:'"-]{0,8}[a-z]$/);
const item = fc.dictionary(fc.stringMatching(/^[a-z]{1,6}$/), word, {
  minKeys: 1,
  maxKeys: 4,
  noNullPrototype: true,
});
const layout = fc.constantFrom<Layout>('block', 'flow', 'json', 'lines');
const comment = fc.option(fc.stringMatching(/^[ a-z:{}[\]*&'"-]{0,12}$/), { nil: undefined });

interface Taste {
  readonly list: Layout;
  readonly items: readonly Layout[];
  readonly comments: readonly (string | undefined)[];
  readonly step: number;
  readonly gap: number;
  readonly feed: '\n' | '\r\n';
  readonly isEnded: boolean;
  readonly hasMark: boolean;
}

const taste: fc.Arbitrary<Taste> = fc.record({
  list: layout,
  items: fc.array(layout, { minLength: 4, maxLength: 4 }),
  comments: fc.array(comment, { minLength: 40, maxLength: 40 }),
  step: fc.integer({ min: 0, max: 4 }),
  gap: fc.integer({ min: 1, max: 3 }),
  feed: fc.constantFrom('\n', '\r\n'),
  isEnded: fc.boolean(),
  hasMark: fc.boolean(),
});

/** Writes `identities: [{name, certificates: [...]}, …]` as somebody could. */
class Writer {
  readonly #taste: Taste;
  #comment = 0;

  constructor(taste: Taste) {
    this.#taste = taste;
  }

  write(identities: readonly (readonly Item[])[]): string {
    const lines = ['version: 1', ...this.#own(0), 'identities:'];
    for (const items of identities) {
      lines.push(`  - name: 'x'${this.#behind()}`, ...this.#own(4), ...this.#list(items), ...this.#own(4));
      lines.push(`    operators: [a, b]${this.#behind()}`);
    }
    lines.push(...this.#own(0), `log: { level: info }${this.#behind()}`);
    const { feed, isEnded, hasMark } = this.#taste;
    return `${hasMark ? '\ufeff' : ''}${lines.join(feed)}${isEnded ? feed : ''}`;
  }

  #list(items: readonly Item[]): string[] {
    const { list, step } = this.#taste;
    const indent = ' '.repeat(4 + step);
    if (list === 'block' && items.length > 0)
      return [
        `    certificates:${this.#behind()}`,
        ...items.flatMap((one, index) => this.#item(one, index, indent)),
      ];
    const flows = items.map((one, index) => this.#flow(one, this.#taste.items[index] ?? 'flow'));
    if (list !== 'lines' || items.length === 0)
      return [`    certificates: [${flows.join(', ')}]${this.#behind()}`];
    const rows = flows.map(
      (one, index) => `      ${one}${index < flows.length - 1 || step > 1 ? ',' : ''}${this.#behind()}`,
    );
    return [`    certificates: [${this.#behind()}`, ...rows, `    ]${this.#behind()}`];
  }

  #item(one: Item, index: number, indent: string): string[] {
    const { gap, items } = this.#taste;
    const dash = `${indent}-${' '.repeat(gap)}`;
    const kind = items[index] ?? 'block';
    if (kind !== 'block')
      return [`${dash}${this.#flow(one, kind)}${this.#behind()}`, ...this.#own(indent.length + 3)];
    const inner = ' '.repeat(dash.length);
    return [
      ...Object.entries(one).flatMap(([name, value], at) => [
        `${at === 0 ? dash : inner}${name}: ${this.#value(value, 'block')}${this.#behind()}`,
        ...this.#own(dash.length),
      ]),
    ];
  }

  #flow(one: Item, kind: Layout): string {
    const members = Object.entries(one).map(([name, value]) =>
      kind === 'json'
        ? `${JSON.stringify(name)}:${JSON.stringify(value)}`
        : `${name}: ${this.#value(value, kind)}`,
    );
    return kind === 'json'
      ? `{${members.join(',')}}`
      : `{ ${members.join(', ')}${kind === 'lines' ? ',' : ''} }`;
  }

  #value(value: string, kind: Layout): string {
    return kind === 'flow' ? JSON.stringify(value) : `'${value.replaceAll("'", "''")}'`;
  }

  #next(): string | undefined {
    return this.#taste.comments[this.#comment++ % this.#taste.comments.length];
  }

  #behind(): string {
    const text = this.#next();
    return text === undefined ? '' : ` # ${text}`;
  }

  #own(indent: number): string[] {
    const text = this.#next();
    return text === undefined ? [] : ['', `${' '.repeat(indent)}# ${text}`].slice(text.length % 2);
  }
}

test('an edit says what it should, and every other byte stays', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(item, { maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      taste,
      fc.nat(),
      fc.array(item, { minLength: 1, maxLength: 2 }),
      word,
      (identities, look, pick, added, value) => {
        const text = new Writer(look).write(identities);
        const index = pick % identities.length;
        const list = identities[index] ?? [];
        const at = ['identities', index];
        const ended = list.length === 0 ? [] : [pick % list.length];
        const edits: YamlEdit[] = [
          ...ended.map((one): YamlEdit => ({
            kind: 'set',
            at: [...at, 'certificates', one],
            name: 'notAfter',
            value,
          })),
          { kind: 'append', at, name: 'certificates', items: added.map((one) => Object.entries(one)) },
        ];
        const result = editYaml(text, edits);
        if (!result.ok) throw new Error(`${result.path} ${result.message}\n${text}`);
        const expected = parse(text) as { identities: { certificates: Item[] }[] };
        const certificates = expected.identities[index]?.certificates ?? [];
        for (const one of ended) certificates[one] = { ...certificates[one], notAfter: value };
        certificates.push(...added);
        expect(parse(result.text)).toEqual(expected);
        // Nothing is taken away: what is left without the insertions is the text as it was.
        let [rest, shift] = ['', 0];
        for (const { start, end, text: insertion } of [...result.splices].sort((a, b) => a.start - b.start)) {
          expect(start).toBe(end);
          rest += result.text.slice(rest.length + shift, start + shift);
          shift += insertion.length;
        }
        expect(rest + result.text.slice(rest.length + shift)).toBe(text);
        if (look.feed === '\r\n') expect(result.text.replaceAll('\r\n', '')).not.toContain('\n');
      },
    ),
    { numRuns: 500 },
  );
});
