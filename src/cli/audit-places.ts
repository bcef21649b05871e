/** Where commands find records: the directory of a log, or a plain file of records; and its faults in plain words. */
import { statSync } from 'node:fs';
import { LogFileError } from '../audit/read/log-directory.js';
import { OpenedLog } from '../audit/read/opened-log.js';
import { CliFault } from './command.js';

/** Whether the place is a directory, and so a log. */
export function isDirectory(place: string): boolean {
  return statSync(place, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Opens a log directory. Throws `CliFault` where it is none, and `LogFileError` where its end is missing. */
export function openLog(directory: string): OpenedLog {
  const log = OpenedLog.open(directory);
  log?.requireEnd();
  if (log !== undefined) return log;
  throw new CliFault(
    `${directory} has no checkpoint, so it is no audit log, or nothing is in it yet`,
    'name the directory of audit.log.directory',
  );
}

/** Runs what reads a log, and tells of a damaged file with its path. */
export function throughFaults<Result>(directory: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw placeFault(directory, error);
  }
}

/** A fault of a log's file as one of the command; anything else as it is. */
export function placeFault(directory: string, error: unknown): unknown {
  if (!(error instanceof LogFileError)) return error;
  return new CliFault(
    `${directory}: the file ${error.file} ${error.message}`,
    'run countersign audit verify on it, and take the file from a mirror',
  );
}
