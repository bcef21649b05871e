/**
 * The names in a log's directory. `checkpoint` and `tile/` are C2SP tlog-tiles, for others to read; what is ours lies
 * in `.sequencer/`.
 */
import { join } from 'node:path';

/** What the sequencer keeps in the directory of a log. */
export interface LogPaths {
  readonly checkpoint: string;
  readonly sequencer: string;
  /** What the log stands by: replacing it is the commit. */
  readonly state: string;
  readonly lock: string;
  /** There while a seal is under way: who finds it cleans up after a crash. */
  readonly sealing: string;
  /** What is being written, before it gets its name. */
  readonly temporary: string;
}

export function logPaths(directory: string): LogPaths {
  const sequencer = join(directory, '.sequencer');
  return {
    checkpoint: join(directory, 'checkpoint'),
    sequencer,
    state: join(sequencer, 'state.json'),
    lock: join(sequencer, 'lock'),
    sealing: join(sequencer, 'sealing'),
    temporary: join(sequencer, 'new'),
  };
}

/** A write-ahead file: the owner's id, and which of its files it is, from 1. */
export interface WriteAheadName {
  readonly name: string;
  readonly owner: string;
  readonly number: number;
}

const WRITE_AHEAD = /^wal-([0-9a-f]{16})-([1-9][0-9]{0,8})$/;

export function writeAheadName(owner: string, number: number): string {
  return `wal-${owner}-${number}`;
}

/** Undefined for what is no write-ahead file. */
export function parseWriteAheadName(name: string): WriteAheadName | undefined {
  const [, owner, number] = WRITE_AHEAD.exec(name) ?? [];
  return owner === undefined ? undefined : { name, owner, number: Number(number) };
}
