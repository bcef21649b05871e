/** Every document that code, tests and documents cite is here, and has the anchor that they name. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const READ = /\.(?:ts|mjs|py|sh|md|yaml)$|(?:^|\/)(?:Makefile|Dockerfile|logrotate\/\w+)$/;
/** Written at that time: they name files that have moved since. */
const HISTORY = /^(?:CHANGELOG\.md|docs\/adr\/)/;

/** It shows by example what a citation looks like. */
const SELF = 'test/unit/documents/citations.test.ts';
const WIRE_CONTRACT = 'docs/wire-contract.md';

const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== SELF && READ.test(file) && existsSync(file));

/** A citation: where it stands, and what it means from the root of the repository. */
interface Citation {
  readonly file: string;
  readonly path: string;
  readonly anchor: string | undefined;
}

/** `docs/page.md#anchor` in any text; the further anchors of a list, as in `docs/page.md#16, #17`. */
function pathsIn(file: string, text: string): Citation[] {
  const pattern = /(?<![\w./-])((?:docs\/)[\w/.-]+?\.(?:md|svg|json))((?:(?:, | to )?#[\w-]+)*)/g;
  return [...text.matchAll(pattern)].flatMap(([, path = '', anchors = '']) => {
    const named = [...anchors.matchAll(/#([\w-]+)/g)].map(([, anchor]) => anchor);
    return (named.length === 0 ? [undefined] : named).map((anchor) => ({ file, path, anchor }));
  });
}

/** `[text](page.md#anchor)` of a Markdown page. */
function linksIn(file: string, text: string): Citation[] {
  return [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([\w-]+))?\)/g)].map(([, target = '', anchor]) => ({
    file,
    path: target === '' ? file : normalize(join(dirname(file), target)),
    anchor,
  }));
}

/** As GitHub makes them of headings, and those that are written out. */
function anchorsOf(path: string): ReadonlySet<string> {
  const text = readFileSync(path, 'utf8');
  const headings = [...text.matchAll(/^#{1,6} (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
  return new Set([...headings, ...[...text.matchAll(/\bid="([^"]+)"/g)].map(([, id = '']) => id)]);
}

function citationsOf(file: string): Citation[] {
  const text = readFileSync(file, 'utf8');
  return [...pathsIn(file, text), ...(file.endsWith('.md') ? linksIn(file, text) : [])];
}

describe('a citation', () => {
  const citations = files.filter((file) => !HISTORY.test(file)).flatMap(citationsOf);

  it('is found', () => expect(citations.length).toBeGreaterThan(100));

  it('names a file that is here', () => {
    expect(citations.filter(({ path }) => !existsSync(path))).toEqual([]);
  });

  it('names an anchor that its page has', () => {
    const missing = citations.filter(
      ({ path, anchor }) => anchor !== undefined && existsSync(path) && !anchorsOf(path).has(anchor),
    );
    expect(missing).toEqual([]);
  });

  it('is never a bare number or a name without a page', () => {
    const bare = /\bMUST \d|\btraps? \d|\bsecurity\.md\b|\benvoy-facts\b|(?<!\[)\b[Tt]he wire contract\b/;
    const found = files
      .filter((file) => !HISTORY.test(file) && file !== WIRE_CONTRACT)
      .filter((file) => bare.test(readFileSync(file, 'utf8')));
    expect(found).toEqual([]);
  });
});

describe('a path of the tree that a document names', () => {
  it('is here', () => {
    const pattern = /`((?:src|test|tools|examples|scripts|envoy|k8s|docs|proto)\/[\w/.-]*)`/g;
    const named = files
      .filter((file) => file.endsWith('.md') && !HISTORY.test(file))
      .flatMap((file) =>
        [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, path = '']) => ({ file, path })),
      );
    expect(named.filter(({ path }) => !existsSync(path))).toEqual([]);
  });
});
