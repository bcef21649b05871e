/** Finding the place of a path, in the schema and in the data. */
import type { ConfigurationPath } from './findings.js';
import type { JsonSchemaNode } from '../schema/schema.js';

/** The schema's node at `path`, or the nearest above it; lists and free member names are looked through. */
export function schemaAt(schema: JsonSchemaNode, path: ConfigurationPath): JsonSchemaNode {
  let node = schema;
  for (const segment of path) {
    const next = childOf(node.anyOf?.find((option) => option.properties !== undefined) ?? node, segment);
    if (next === undefined) return node;
    node = next;
  }
  return node;
}

/** What the schema says belongs at `path`: the description of its node, or of the nearest above that has one. */
export function descriptionAt(schema: JsonSchemaNode, path: ConfigurationPath): string | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const { description } = schemaAt(schema, path.slice(0, length));
    if (description !== undefined) return description;
  }
  return undefined;
}

function childOf(node: JsonSchemaNode, segment: string | number): JsonSchemaNode | undefined {
  if (typeof segment === 'number') return node.items;
  const { properties, additionalProperties } = node;
  if (properties !== undefined) return Object.hasOwn(properties, segment) ? properties[segment] : undefined;
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

/** The value at `path` of plain data; undefined where there is none. */
export function valueAt(root: unknown, path: ConfigurationPath): unknown {
  let value = root;
  for (const segment of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Record<string | number, unknown>)[segment];
  }
  return value;
}
