/**
 * The committed schema and documentation against the schema in the source;
 * `UPDATE=1 npm run -s jest -- test/unit/config/documentation` writes them anew.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { configurationJsonSchema } from '../../../src/config/schema/schema.js';
import { referenceRows, renderReference } from './reference.js';
import { createWorkspace, loaded, serverPair } from './workspace.js';

const docs = join(import.meta.dirname, '../../../docs');
const schemaFile = join(docs, 'configuration.schema.json');
const documentationFile = join(docs, 'configuration.md');
const reference = /(<!-- reference: made from the schema by UPDATE=1 -->\n)[^]*(\n<!-- end of reference -->)/;

const schema = configurationJsonSchema();
const schemaText = `${JSON.stringify(schema, undefined, 2)}\n`;

if (process.env['UPDATE'] === '1') {
  mkdirSync(docs, { recursive: true });
  writeFileSync(schemaFile, schemaText);
  const text = readFileSync(documentationFile, 'utf8');
  writeFileSync(
    documentationFile,
    text.replace(
      reference,
      (_, head: string, tail: string) => `${head}\n${renderReference(schema)}\n${tail}`,
    ),
  );
}

const documentation = readFileSync(documentationFile, 'utf8');
/** In the names of the tests that it mends. */
const CURE = '(`UPDATE=1 npm run -s jest -- test/unit/config/documentation` writes it)';
const example = /```yaml\n(# A complete example[^]*?)```/.exec(documentation)![1]!;

describe('docs/configuration.schema.json', () => {
  test(`is the one that the source gives ${CURE}`, () => {
    expect(JSON.parse(readFileSync(schemaFile, 'utf8'))).toEqual(JSON.parse(schemaText));
  });

  test('allows no unknown key in any section', () => {
    const isOpen = (node: unknown): boolean =>
      typeof node === 'object' &&
      node !== null &&
      (('properties' in node &&
        (node as { additionalProperties?: unknown }).additionalProperties !== false) ||
        Object.entries(node).some(([key, child]) => key !== 'default' && isOpen(child)));
    expect(isOpen(Object.fromEntries(Object.entries(schema)))).toBe(false);
  });
});

describe('docs/configuration.md', () => {
  test(`has the reference that the schema gives ${CURE}`, () => {
    expect(documentation).toContain(renderReference(schema));
  });

  test.each(referenceRows(schema).map((row) => [row.path, row.description]))(
    `explains %s ${CURE}`,
    (path, description) => {
      expect(description).not.toBe('');
      expect(documentation).toContain(`| \`${path}\` |`);
    },
  );

  test('has a complete example that the loader accepts, with no warning but those it announces', async () => {
    const workspace = createWorkspace();
    // With a key that Envoy takes from a client; that of the fixtures is Ed25519.
    const { certificate } = await serverPair();
    for (const name of ['producer-a.pem', 'ca.crt'])
      writeFileSync(join(workspace.directory, 'certs', name), certificate);
    try {
      const { warnings } = loaded(workspace.load(example));
      expect(warnings.map((warning) => warning.path)).toEqual(['policies[5]', 'reportOnly[0]']);
    } finally {
      workspace.remove();
    }
  });

  test('has an example in which every section of the schema appears', () => {
    expect(Object.keys(parse(example) as object).sort()).toEqual(Object.keys(schema.properties!).sort());
  });
});
