/** Files of a larger tree than the checkpoint's: of a log that is being written, or whose checkpoint was put back. */
import { TILE_WIDTH } from '../../tlog/merkle.js';
import { entriesPath, hashesOfLevel, tilePath } from '../../tlog/tile-paths.js';
import { LogFileError, type LogDirectory } from './log-directory.js';
import type { LogFaults } from './log-fault.js';

/** The first such file of the bundles and of the lowest tiles; unreadable ones are added to the faults. */
export function filesBeyond(directory: LogDirectory, size: number, faults: LogFaults): string[] {
  const files: string[] = [];
  const index = Math.floor(size / TILE_WIDTH);
  for (const nameOf of [entriesPath, (at: number, width?: number) => tilePath(0, at, width)])
    try {
      const file = beyondAt(directory, hashesOfLevel(size, 0) % TILE_WIDTH, (width) => nameOf(index, width));
      if (file !== undefined) files.push(file);
    } catch (error) {
      if (!(error instanceof LogFileError)) throw error;
      faults.addOnce('unreadable', `the file ${error.message}`, { file: error.file });
    }
  return files;
}

function beyondAt(
  directory: LogDirectory,
  width: number,
  nameOf: (width?: number) => string,
): string | undefined {
  if (directory.has(nameOf())) return nameOf();
  const wider = directory.partialWidths(nameOf(1)).find((other) => other > width);
  return wider === undefined ? undefined : nameOf(wider);
}
