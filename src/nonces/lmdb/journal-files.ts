/**
 * The files of a journal: where they lie, and which are of an earlier boot.
 *
 * A journal's name says what it survives. `nonces-boot-<id>.mdb` is written without waiting for the disk: it is
 * whole as long as this kernel runs, and after a machine restart nobody opens it again, since its pages may have
 * reached the disk in any order. `nonces-synced.mdb` waits for the disk and outlives the machine.
 * See docs/adr/0001-nonce-durability.md.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

const JOURNAL_NAME = /^nonces-.*\.mdb$/;

/** Names the journal of a directory. `bootId`: the running kernel's, or undefined for the synced journal. */
export function journalPath(directory: string, bootId: string | undefined): string {
  return join(directory, bootId === undefined ? 'nonces-synced.mdb' : `nonces-boot-${bootId}.mdb`);
}

/** Journals in the directory other than `path`: of an earlier boot, or of another durability. */
export function formerJournals(directory: string, path: string): string[] {
  const names = readdirSync(directory).filter((name) => JOURNAL_NAME.test(name));
  return names.map((name) => join(directory, name)).filter((former) => former !== path);
}
