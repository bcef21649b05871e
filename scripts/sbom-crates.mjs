/**
 * Prints a bill of materials (CycloneDX, JSON) with the crates of a Cargo.lock added: all that its build takes, on any
 * platform, so a few more than are in the binary.
 *
 *   node scripts/sbom-crates.mjs BILL CARGO_LOCK
 */
import { readFileSync } from 'node:fs';

const [, , billFile, lockFile] = process.argv;
if (billFile === undefined || lockFile === undefined) {
  process.stderr.write('usage: sbom-crates.mjs BILL CARGO_LOCK\n');
  process.exit(2);
}

/** The first of a crate's lines in the lock file with that key. @param {string} block @param {string} key */
function valueOf(block, key) {
  return new RegExp(`^${key} = "([^"]*)"$`, 'm').exec(block)?.[1];
}

const bill = JSON.parse(readFileSync(billFile, 'utf8'));
const [, ...blocks] = readFileSync(lockFile, 'utf8').split(/^\[\[package\]\]$/m);
for (const block of blocks) {
  const [name, version, checksum] = [
    valueOf(block, 'name'),
    valueOf(block, 'version'),
    valueOf(block, 'checksum'),
  ];
  // Our own crate comes from no registry.
  if (checksum === undefined) continue;
  const purl = `pkg:cargo/${name}@${version}`;
  const hashes = [{ alg: 'SHA-256', content: checksum }];
  bill.components.push({ 'bom-ref': purl, type: 'library', name, version, scope: 'optional', purl, hashes });
}
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);
