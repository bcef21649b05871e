/** One number for what a process was started from, to see whether it would be started differently now. */
import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

function addFolder(hash: Hash, folder: string): void {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) addFolder(hash, path);
    else if (entry.name.endsWith('.js')) hash.update(path).update(readFileSync(path));
  }
}

/** SHA-256, hex, over the texts and over the names and contents of all JavaScript below the folders. */
export function startDigest(texts: readonly string[], codeFolders: readonly string[]): string {
  const hash = createHash('sha256').update(JSON.stringify(texts));
  for (const folder of codeFolders) addFolder(hash, folder);
  return hash.digest('hex');
}
