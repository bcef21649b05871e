/** A log in a directory of its own, and what tests ask of it: its records as others would read them, verified with its own proofs. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logPaths } from '../../../src/audit/log/directory.js';
import { nodeFileSystem, type LogFileSystem } from '../../../src/audit/log/file-system.js';
import { openLogLock } from '../../../src/audit/log/log-lock.js';
import { prepareLog, sealerOf, type PreparedLog } from '../../../src/audit/log/prepare.js';
import type { Pruner } from '../../../src/audit/log/prune.js';
import type { Sealer } from '../../../src/audit/log/sealer.js';
import { TileFiles } from '../../../src/audit/log/tile-files.js';
import { generateKeyPair } from '../../../src/crypto/private-key.js';
import { parseCheckpoint, type Checkpoint } from '../../../src/tlog/checkpoint.js';
import { decodeEntries } from '../../../src/tlog/entries.js';
import { hashAt, leafHash, TILE_WIDTH } from '../../../src/tlog/merkle.js';
import { parseNote, parseVerifierKey, verifierKeyText, verifyNote } from '../../../src/tlog/note.js';
import { consistencyProof, isConsistent, rootFromTiles } from '../../../src/tlog/proofs.js';
import { tileIn } from '../../../src/tlog/tile-paths.js';

export const LOG_KEY = generateKeyPair(Buffer.alloc(32, 7));
export const ORIGIN = 'countersign.example/log';
const VERIFIER_KEY = verifierKeyText(ORIGIN, LOG_KEY.publicKey.raw);

/** Where nothing has to wait for a disk; it is as much of a file system as any other. */
const IN_MEMORY = '/dev/shm';

export function newDirectory(): string {
  return mkdtempSync(join(existsSync(IN_MEMORY) ? IN_MEMORY : tmpdir(), 'audit-log-'));
}

export function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
}

export function prepare(directory: string): Promise<PreparedLog> {
  return prepareLog({ directory, origin: ORIGIN, key: LOG_KEY });
}

export interface SealOptions {
  readonly fs?: LogFileSystem;
  readonly nowMs?: () => number;
  readonly pruner?: Pruner;
}

export function sealerIn(directory: string, { fs = nodeFileSystem, ...others }: SealOptions = {}): Sealer {
  const prepared = { directory, origin: ORIGIN, verifierKey: VERIFIER_KEY };
  return sealerOf(prepared, { key: LOG_KEY, fs, ...others });
}

/** Seals until nothing is left, under the log's lock. */
export async function sealAll(directory: string, options: SealOptions = {}): Promise<void> {
  const lock = openLogLock(logPaths(directory).lock);
  const sealer = sealerIn(directory, options);
  try {
    while (lock.hold(() => sealer.seal()).hasMore);
  } finally {
    await lock.close();
  }
}

/** The published checkpoint, its signature verified. */
export function checkpointOf(directory: string): Checkpoint {
  const note = parseNote(readFileSync(join(directory, 'checkpoint'), 'utf8'));
  if (verifyNote(note, parseVerifierKey(VERIFIER_KEY)).kind !== 'verified')
    throw new Error('the checkpoint is not signed by the log');
  return parseCheckpoint(note.text);
}

/** Reads tiles as others do, who know no partial tile but those of the checkpoint. */
function tilesOf(directory: string) {
  const files = new TileFiles(nodeFileSystem, directory, '');
  const tile = (name: { level: number; index: number; width: number }): Promise<Buffer> => {
    const hashes = files.tile(name);
    return hashes === undefined
      ? Promise.reject(new Error(`no tile ${JSON.stringify(name)}`))
      : Promise.resolve(hashes);
  };
  return { files, tile };
}

/** The records from an index on, newest checkpoint. Throws unless every hash is right: of records, tiles and root. */
export async function verifiedRecords(directory: string, from = 0): Promise<string[]> {
  const { size, root } = checkpointOf(directory);
  const { files, tile } = tilesOf(directory);
  if (!(await rootFromTiles({ tile }, size)).equals(root))
    throw new Error('the root is not that of the tiles');
  const records: string[] = [];
  for (let index = from / TILE_WIDTH; index * TILE_WIDTH < size; index++) {
    const name = tileIn(size, 0, index);
    if (name === undefined) throw new Error('no such tile');
    const bundle = files.bundle(index, name.width) ?? files.bundle(index, TILE_WIDTH);
    const hashes = await tile(name);
    decodeEntries(bundle ?? Buffer.alloc(0), name.width).forEach((record, at) => {
      if (!leafHash(record).equals(hashAt(hashes, at))) throw new Error(`record ${index * TILE_WIDTH + at}`);
      records.push(record.toString());
    });
  }
  return records;
}

/** Whether the log of this directory has grown out of an earlier checkpoint. */
export async function extendsCheckpoint(directory: string, earlier: Checkpoint): Promise<boolean> {
  const now = checkpointOf(directory);
  if (earlier.size > now.size) return false;
  const proof = await consistencyProof(tilesOf(directory), earlier.size, now.size);
  return isConsistent(earlier, now, proof);
}

/** A record's line, newline included. */
export function line(number: number, padding = 0): string {
  return `{"time":"${new Date(1_790_000_000_000 + number).toISOString()}","event":"e","n":${number},"p":"${'x'.repeat(padding)}"}\n`;
}
