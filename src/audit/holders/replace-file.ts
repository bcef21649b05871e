/** A file that is replaced whole. */
import { rename, rm, writeFile } from 'node:fs/promises';

/** Readable for the group, as the log's other files are. Rejects with the system's error, and then leaves nothing beside it. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  try {
    await writeFile(fresh, text, { mode: 0o640 });
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}
