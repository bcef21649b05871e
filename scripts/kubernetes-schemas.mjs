/**
 * One JSON schema a kind, out of Kubernetes' OpenAPI document, under the names that kubeconform asks for
 * (deployment-apps-v1.json). Strict: an object takes no property that its definition does not name.
 *
 *   node scripts/kubernetes-schemas.mjs SWAGGER_JSON FOLDER
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [source, folder] = process.argv.slice(2);
if (source === undefined || folder === undefined) {
  process.stderr.write('usage: kubernetes-schemas.mjs SWAGGER_JSON FOLDER\n');
  process.exit(2);
}

/** @type {Record<string, any>} */
const definitions = JSON.parse(readFileSync(source, 'utf8')).definitions;

/** Kubernetes' own formats that say more than the type beside them. */
const formats = new Map([
  ['int-or-string', { oneOf: [{ type: 'string' }, { type: 'integer' }] }],
  ['byte', { type: 'string', pattern: '^[A-Za-z0-9+/]*={0,2}$' }],
]);

/** @param {any} node @returns {any} */
function strict(node) {
  if (Array.isArray(node)) return node.map(strict);
  if (typeof node !== 'object' || node === null) return node;
  const format = formats.get(node.format);
  if (format !== undefined) return format;
  const copy = Object.fromEntries(
    Object.entries(node)
      .filter(([key]) => !key.startsWith('x-kubernetes-') && key !== 'format')
      .map(([key, value]) => [key, key === 'properties' ? strictProperties(value) : strict(value)]),
  );
  const isClosed = copy.properties !== undefined && copy.additionalProperties === undefined;
  return isClosed ? { ...copy, additionalProperties: false } : copy;
}

/** A property may be called "format" or "properties" too. @param {any} properties */
function strictProperties(properties) {
  return Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, strict(schema)]));
}

/** The names of all definitions that `name` leads to. @param {string} name @param {Set<string>} seen */
function reach(name, seen) {
  if (seen.has(name)) return seen;
  seen.add(name);
  const references = JSON.stringify(definitions[name]).matchAll(/"#\/definitions\/([^"]+)"/g);
  for (const [, reference] of references) reach(String(reference), seen);
  return seen;
}

/** @param {string} name @param {{ group: string, version: string, kind: string }} identity */
function schemaOf(name, { group, version, kind }) {
  const names = [...reach(name, new Set())];
  const own = strict(definitions[name]);
  // The document leaves these two open; a file of another kind must not pass for this one.
  own.properties.apiVersion = { const: group === '' ? version : `${group}/${version}` };
  own.properties.kind = { const: kind };
  own.required = [...new Set([...(own.required ?? []), 'apiVersion', 'kind'])];
  return { ...own, definitions: Object.fromEntries(names.map((each) => [each, strict(definitions[each])])) };
}

mkdirSync(folder, { recursive: true });
let count = 0;
for (const [name, definition] of Object.entries(definitions)) {
  for (const identity of definition['x-kubernetes-group-version-kind'] ?? []) {
    if (definition.properties?.kind === undefined || !identity.kind) continue;
    const group = identity.group.split('.')[0];
    const parts = [identity.kind, group, identity.version].filter((part) => part !== '');
    const file = `${parts.join('-').toLowerCase()}.json`;
    writeFileSync(join(folder, file), JSON.stringify(schemaOf(name, identity)));
    count += 1;
  }
}
process.stderr.write(`${count} kinds\n`);
