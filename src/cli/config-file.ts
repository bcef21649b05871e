/** The configuration file of a command: `--config FILE`, or the file by itself. */
import { statSync } from 'node:fs';
import { unreadable } from '../config/files/read-file.js';
import { CliFault, usageFault } from './cli-fault.js';

/** Exactly one file, and one that is there: a missing file is no bad configuration. */
export function chosenConfigFile(argument: string | undefined, option: string | undefined): string {
  const file = option ?? argument;
  if (file === undefined) throw usageFault('no configuration file', 'give --config FILE');
  if (option !== undefined && argument !== undefined && option !== argument)
    throw usageFault('two configuration files', 'give one');
  try {
    statSync(file);
    return file;
  } catch (error) {
    const { message, remedy } = unreadable(error);
    throw new CliFault(`the configuration: ${file} ${message}`, remedy);
  }
}
