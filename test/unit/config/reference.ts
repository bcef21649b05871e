/** The reference tables of docs/configuration.md, made from the schema. */
import type { JsonSchemaNode } from '../../../src/config/schema/schema.js';

/** One key of the file. */
export interface ReferenceRow {
  /** `identities[].keys[].kid` */
  readonly path: string;
  /** What kind of value, with its bounds or choices. */
  readonly values: string;
  readonly default: string;
  readonly description: string;
}

/** Every key of the schema, in its order. */
export function referenceRows(schema: JsonSchemaNode, prefix = ''): ReferenceRow[] {
  const optionWithKeys = schema.anyOf?.find((option) => option.properties !== undefined);
  const { properties, required } = optionWithKeys ?? schema;
  return Object.entries(properties ?? {}).flatMap(([key, node]) => {
    const path = prefix === '' ? key : `${prefix}.${key}`;
    const isList = node.items !== undefined;
    const row = {
      path,
      values: valuesOf(node),
      default: defaultOf(node, required?.includes(key) ?? false),
      description: node.description ?? '',
    };
    const named = node.additionalProperties;
    if (typeof named === 'object') return [row, ...referenceRows(named, `${path}.<name>`)];
    return [row, ...referenceRows(isList ? (node.items ?? {}) : node, isList ? `${path}[]` : path)];
  });
}

function valuesOf(node: JsonSchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((choice) => `\`${String(choice)}\``).join(', ');
  if (node.minimum !== undefined && node.maximum !== undefined) return `${node.minimum} to ${node.maximum}`;
  if (node.anyOf?.some(({ type }) => type === 'array')) return 'text or list';
  if (node.anyOf !== undefined) return 'section or `false`';
  return words.get(node.type ?? '') ?? '';
}

const words = new Map([
  ['string', 'text'],
  ['boolean', '`true`, `false`'],
  ['array', 'list'],
  ['object', 'section'],
]);

function defaultOf(node: JsonSchemaNode, isRequired: boolean): string {
  if (isRequired) return 'required';
  const isSection = node.properties !== undefined;
  return node.default === undefined || isSection ? '' : `\`${JSON.stringify(node.default)}\``;
}

/** One table for each top-level key, in Markdown. */
export function renderReference(schema: JsonSchemaNode): string {
  const rows = referenceRows(schema);
  const sections = new Set(rows.map((row) => row.path.split(/[.[]/)[0]));
  return [...sections]
    .map((section) => {
      const own = rows.filter((row) => row.path.split(/[.[]/)[0] === section);
      const lines = own.map(
        (row) =>
          `| \`${row.path}\` | ${row.values} | ${row.default} | ${row.description.replaceAll('|', '\\|')} |`,
      );
      return [
        `### ${section}`,
        '',
        '| key | value | default | meaning |',
        '| --- | --- | --- | --- |',
        ...lines,
      ].join('\n');
    })
    .join('\n\n');
}
