import { parse } from 'yaml';
import { editYaml, type YamlEdit } from '../../../../src/config/edit/edit-yaml.js';
import { unifiedDiff } from '../../../../src/config/edit/unified-diff.js';

const pin: YamlEdit = {
  kind: 'append',
  at: ['identities', 0],
  name: 'certificates',
  items: [
    [
      ['sha256', 'ab12'],
      ['notAfter', '2027-01-01T00:00:00Z'],
    ],
  ],
};
const end: YamlEdit = {
  kind: 'set',
  at: ['identities', 0, 'certificates', 0],
  name: 'notAfter',
  value: '2026-12-01T00:00:00Z',
};

function edited(text: string, ...edits: YamlEdit[]): string {
  const result = editYaml(text, edits);
  if (!result.ok) throw new Error(`${result.path} ${result.message}`);
  return result.text;
}

describe('an edit of YAML', () => {
  it('writes a new item as the last one is written, behind the comments that belong to that', () => {
    const text = `# top
identities:
  - name: a # first
    certificates:
      -   sha256: '12' # old
          # still about the old one
      # about the list

    operators: [o]
`;
    expect(edited(text, end, pin)).toBe(`# top
identities:
  - name: a # first
    certificates:
      -   sha256: '12' # old
          notAfter: 2026-12-01T00:00:00Z
          # still about the old one
      -   sha256: ab12
          notAfter: 2027-01-01T00:00:00Z
      # about the list

    operators: [o]
`);
  });

  it('keeps maps in braces, in one line and in several, with and without a last comma', () => {
    const one = 'identities: [{name: a, certificates: [{sha256: "12"}]}]\n';
    expect(edited(one, end, pin)).toBe(
      'identities: [{name: a, certificates: [{sha256: "12", notAfter: 2026-12-01T00:00:00Z}, {sha256: ab12, notAfter: 2027-01-01T00:00:00Z}]}]\n',
    );
    const several = `{
  "identities": [
    {
      "name": "a",
      "certificates": [
        { "sha256": "12" } # old
      ]
    }
  ]
}
`;
    expect(edited(several, end, pin)).toBe(`{
  "identities": [
    {
      "name": "a",
      "certificates": [
        { "sha256": "12", "notAfter": "2026-12-01T00:00:00Z" }, # old
        { "sha256": "ab12", "notAfter": "2027-01-01T00:00:00Z" }
      ]
    }
  ]
}
`);
    const comma = `identities:
  - name: a
    certificates: [
      { sha256: "12", },
    ]
`;
    expect(edited(comma, end, pin)).toBe(`identities:
  - name: a
    certificates: [
      { sha256: "12", notAfter: 2026-12-01T00:00:00Z, },
      { sha256: ab12, notAfter: 2027-01-01T00:00:00Z },
    ]
`);
  });

  it('makes a list that is missing or empty', () => {
    expect(edited('identities:\n- name: a\n  # its end\nversion: 1\n', pin)).toBe(
      `identities:
- name: a
  certificates:
    - { sha256: ab12, notAfter: 2027-01-01T00:00:00Z }
  # its end
version: 1
`,
    );
    expect(edited('identities:\n  - { name: a, certificates: [] }\n', pin)).toBe(
      'identities:\n  - { name: a, certificates: [{ sha256: ab12, notAfter: 2027-01-01T00:00:00Z }] }\n',
    );
    expect(edited('{"identities":[{"name":"a"}]}', pin)).toBe(
      '{"identities":[{"name":"a", "certificates": [{"sha256": "ab12", "notAfter": "2027-01-01T00:00:00Z"}]}]}',
    );
  });

  it('replaces a value in its own quotes, and nothing beside it', () => {
    const text = 'identities: [{certificates: [{notAfter:  "2030-01-01T00:00:00Z" , sha256: x}]}]';
    expect(edited(text, end)).toBe(text.replace('2030-01', '2026-12'));
    expect(edited("a: 'x' # y\n", { kind: 'set', at: [], name: 'a', value: "it's" })).toBe(
      "a: 'it''s' # y\n",
    );
  });

  it.each([
    ['line ends of Windows', 'identities:\r\n  - name: a\r\n    certificates:\r\n      - { sha256: x }\r\n'],
    ['no last line feed', 'identities:\n  - name: a\n    certificates:\n      - { sha256: x } # here'],
    ['a byte-order mark', '\ufeffidentities:\n  - name: a\n    certificates:\n      - { sha256: x }\n'],
    ['a byte-order mark before a brace', '\ufeff{ identities: [{ certificates: [{ sha256: x }] }] }\n'],
    ['a document mark and an end', '---\nidentities:\n  - certificates:\n    - sha256: x\n...\n'],
    [
      'a block of text as the last value',
      'identities:\n  - certificates:\n    - sha256: |\n        x\n\n\nversion: 1\n',
    ],
    ['a text over two lines', 'identities:\n  - certificates:\n    - sha256: x\n        y\nversion: 1\n'],
    ['an anchor that nothing repeats', 'identities: &all\n  - certificates: &c\n    - &p { sha256: x }\n'],
    [
      'an alias among the items',
      'p: &p { sha256: z }\nidentities:\n  - certificates:\n    - { sha256: x }\n    - *p\n',
    ],
    [
      'dashes in lines of their own',
      'identities:\n  -\n    certificates:\n      - # one\n        sha256: x\n',
    ],
    [
      'lists in lists',
      'identities:\n  - certificates:\n      - sha256: x\n        purposes:\n          - a\n          - b\n',
    ],
  ])('says just what it should with %s', (_what, text) => {
    const result = edited(text, end, pin);
    interface Data {
      identities: { certificates: Record<string, string>[] }[];
    }
    const before = parse(text) as Data;
    const list = before.identities[0]?.certificates ?? [];
    list[0] = { ...list[0], notAfter: '2026-12-01T00:00:00Z' };
    list.push({ sha256: 'ab12', notAfter: '2027-01-01T00:00:00Z' });
    expect(parse(result)).toEqual(before);
    expect(result.startsWith('\ufeff')).toBe(text.startsWith('\ufeff'));
    expect(result.endsWith('\n')).toBe(text.endsWith('\n'));
    expect(result.replaceAll('\r\n', '').includes('\n')).toBe(text.replaceAll('\r\n', '').includes('\n'));
  });

  it.each([
    [
      'what an alias repeats',
      'c: &c\n  - { sha256: x }\nidentities:\n  - certificates: *c\n',
      'certificates',
      'alias (*c)',
    ],
    [
      'what is repeated by an alias',
      'identities:\n  - certificates: &c\n      - { sha256: x }\n  - certificates: *c\n',
      'identities[0]',
      'changes something else',
    ],
    [
      'an item that an alias repeats',
      'identities:\n  - certificates:\n      - &c { sha256: x }\nother: *c\n',
      'identities[0]',
      'changes something else',
    ],
    [
      'an item that is an alias',
      'c: &c { sha256: x }\nidentities:\n  - certificates: [*c]\n',
      'identities[0].certificates[0]',
      'alias (*c)',
    ],
    ['a list that is text', 'identities:\n  - certificates: no\n', 'identities[0].certificates', 'is no map'],
    [
      'a value in a block',
      'identities:\n  - certificates:\n    - notAfter: >\n        x\n',
      'identities[0].certificates[0].notAfter',
      'no text in one line',
    ],
  ])('is refused at %s', (_what, text, path, message) => {
    const result = editYaml(text, [end, pin]);
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining(message) as string });
    expect(result).toMatchObject({ path: expect.stringContaining(path) as string });
  });

  it('quotes what would read back as something else', () => {
    const values = [
      'true',
      'No',
      '1e5',
      '0x1f',
      '',
      ' a',
      'a: b',
      '#x',
      "'",
      '"',
      '\n',
      'ünï',
      '2026-12-01T00:00:00Z',
      '-',
      '~',
      '12',
      '.inf',
      'a#b',
      '{a}',
      '\\n',
      '\u2028',
    ];
    for (const quotes of ['a: x\n', '{a: x}\n', '{"a": "x"}\n', "a: 'x'\n"])
      for (const value of values) {
        const edit: YamlEdit = { kind: 'set', at: [], name: 'a', value };
        const add: YamlEdit = { kind: 'set', at: [], name: 'b', value };
        expect(parse(edited(quotes, edit, add))).toEqual({ a: value, b: value });
      }
  });
});

describe('a unified diff', () => {
  it('is what patch takes', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `k${index}: ${index}\n`).join('');
    const edits: YamlEdit[] = [
      { kind: 'set', at: [], name: 'k2', value: 'two' },
      { kind: 'set', at: [], name: 'k20', value: 'twenty' },
      { kind: 'set', at: [], name: 'new', value: 'x' },
    ];
    const result = editYaml(lines, edits);
    if (!result.ok) throw new Error(result.message);
    expect(unifiedDiff('f.yaml', lines, result.splices)).toBe(`--- f.yaml
+++ f.yaml
@@ -1,6 +1,6 @@
 k0: 0
 k1: 1
-k2: 2
+k2: two
 k3: 3
 k4: 4
 k5: 5
@@ -18,7 +18,7 @@
 k17: 17
 k18: 18
 k19: 19
-k20: 20
+k20: twenty
 k21: 21
 k22: 22
 k23: 23
@@ -28,3 +28,4 @@
 k27: 27
 k28: 28
 k29: 29
+new: x
`);
  });

  it('says that a last line has no end, and is empty where nothing changes', () => {
    const text = 'a: 1';
    const result = editYaml(text, [{ kind: 'set', at: [], name: 'b', value: 'x' }]);
    if (!result.ok) throw new Error(result.message);
    expect(unifiedDiff('f', text, result.splices)).toBe(
      '--- f\n+++ f\n@@ -1,1 +1,2 @@\n-a: 1\n\\ No newline at end of file\n+a: 1\n+b: x\n\\ No newline at end of file\n',
    );
    expect(unifiedDiff('f', text, [])).toBe('');
  });
});
