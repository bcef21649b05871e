/**
 * Takes out of an installed tree what only its development needs: types and TypeScript sources, sources of native
 * modules, source maps, tests, hidden folders, and native modules for other machines than this one. Licences and manifests stay.
 *
 *   node scripts/prune-production.mjs FOLDER
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write('usage: prune-production.mjs FOLDER\n');
  process.exit(2);
}

const needlessFile = /\.(?:[cm]?tsx?|map|tsbuildinfo|flow|markdown|md|[ch]|[ch]pp|cc|gypi?)$/;
const needlessFolder = /^(?:tests?|__tests__|\..+)$/;
const legal = /^(?:licen[cs]e|copying|notice)/i;
const here = `${process.platform}-${process.arch}`;

/** @param {string} parent @param {string} name @param {boolean} isFolder */
function isNeedless(parent, name, isFolder) {
  if (isFolder) return needlessFolder.test(name) || (parent === 'prebuilds' && name !== here);
  return needlessFile.test(name) && !legal.test(name);
}

/** @param {string} directory @param {string} name of the directory */
function prune(directory, name) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const isFolder = entry.isDirectory();
    if (isNeedless(name, entry.name, isFolder)) rmSync(path, { recursive: true });
    else if (isFolder) prune(path, entry.name);
  }
}

prune(folder, '');
