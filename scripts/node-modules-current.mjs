// Exit 0 when node_modules holds exactly what package-lock.json asks for, 1 when `npm ci` is needed.
// npm writes what it installed to node_modules/.package-lock.json; a package for another platform may be missing.
import { existsSync, readFileSync } from 'node:fs';

const read = (file) => JSON.parse(readFileSync(file, 'utf8')).packages;

function isCurrent() {
  const wanted = read('package-lock.json');
  const installed = read('node_modules/.package-lock.json');
  return Object.entries(wanted).every(([path, { version, integrity, optional, devOptional }]) => {
    if (path === '') return true;
    const there = installed[path];
    if (there === undefined) return optional === true || devOptional === true;
    return there.version === version && there.integrity === integrity && existsSync(path);
  });
}

try {
  process.exitCode = isCurrent() ? 0 : 1;
} catch {
  process.exitCode = 1;
}
