/** An audit log as somebody reads it who has the directory and the verifier key, and believes nothing else. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseCheckpoint, type Checkpoint } from '../../../src/tlog/checkpoint.js';
import { decodeEntries } from '../../../src/tlog/entries.js';
import { HASH_BYTES, leafHash, TILE_WIDTH } from '../../../src/tlog/merkle.js';
import { parseNote, parseVerifierKey, verifyNote } from '../../../src/tlog/note.js';
import {
  consistencyProof,
  inclusionProof,
  isConsistent,
  rootFromInclusion,
} from '../../../src/tlog/proofs.js';
import { entriesPath, tilePath, type TileName } from '../../../src/tlog/tile-paths.js';
import { TreeEdge } from '../../../src/tlog/tree-edge.js';
import type { AuditRecord } from './audit-reader.js';

/** What a checkpoint covers. */
export interface SealedLog {
  readonly checkpoint: Checkpoint;
  readonly records: readonly AuditRecord[];
}

const TRIES = 20;

/**
 * Reads all of it, and throws unless the checkpoint is signed, its root is that of the records, and the tiles prove so of
 * the first, the middle and the last one.
 */
export async function readSealedLog(directory: string, verifierKeyFile: string): Promise<SealedLog> {
  for (let tried = 1; ; tried++) {
    try {
      return await readOnce(directory, verifierKeyFile);
    } catch (error) {
      // A partial tile goes when a later checkpoint has its full one.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || tried === TRIES) throw error;
      await sleep(50);
    }
  }
}

async function readOnce(directory: string, verifierKeyFile: string): Promise<SealedLog> {
  const note = parseNote(readFileSync(join(directory, 'checkpoint'), 'utf8'));
  const verifier = parseVerifierKey(readFileSync(verifierKeyFile, 'utf8'));
  if (verifyNote(note, verifier).kind !== 'verified') throw new Error('the checkpoint is not signed');
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== verifier.name) throw new Error(`the checkpoint is of ${checkpoint.origin}`);
  const entries = entriesOf(directory, checkpoint.size);
  if (!rootOf(entries).equals(Buffer.from(checkpoint.root))) throw new Error('the root is that of others');
  await expectProofs(directory, checkpoint, entries);
  return { checkpoint, records: entries.map((entry) => JSON.parse(entry.toString()) as AuditRecord) };
}

/** Throws unless the log of today begins with that of an earlier checkpoint. */
export async function expectExtends(directory: string, older: Checkpoint, newer: Checkpoint): Promise<void> {
  const proof = await consistencyProof(tilesIn(directory), older.size, newer.size);
  if (!isConsistent(older, newer, proof))
    throw new Error(`${newer.size} records do not extend ${older.size}`);
}

function entriesOf(directory: string, size: number): Buffer[] {
  const entries: Buffer[] = [];
  for (let index = 0; entries.length < size; index++)
    entries.push(...bundleOf(directory, index, Math.min(TILE_WIDTH, size - entries.length)));
  return entries;
}

/** Of the partial bundle, or of the full one that has come in its place. */
function bundleOf(directory: string, index: number, width: number): Buffer[] {
  const partial = join(directory, entriesPath(index, width));
  if (existsSync(partial)) return decodeEntries(readFileSync(partial), width);
  return decodeEntries(readFileSync(join(directory, entriesPath(index))), TILE_WIDTH).slice(0, width);
}

function rootOf(entries: readonly Buffer[]): Buffer {
  const tree = TreeEdge.at(0, () => Buffer.alloc(0));
  for (const entry of entries) tree.append(leafHash(entry));
  return tree.root();
}

async function expectProofs(
  directory: string,
  { size, root }: Checkpoint,
  entries: readonly Buffer[],
): Promise<void> {
  for (const index of new Set([0, Math.floor(size / 2), size - 1].filter((at) => at >= 0 && at < size))) {
    const proof = await inclusionProof(tilesIn(directory), index, size);
    const proven = rootFromInclusion(leafHash(entries[index]!), index, size, proof);
    if (proven?.equals(Buffer.from(root)) !== true) throw new Error(`record ${index} is not proven`);
  }
}

function tilesIn(directory: string): { tile(tile: TileName): Promise<Buffer> } {
  return {
    tile: ({ level, index, width }) => {
      const partial = join(directory, tilePath(level, index, width));
      const bytes = readFileSync(existsSync(partial) ? partial : join(directory, tilePath(level, index)));
      return Promise.resolve(bytes.subarray(0, width * HASH_BYTES));
    },
  };
}

/** Decisions that stand: of each id what its last record with a code says, as Envoy's word on it comes behind (docs/operations.md#records). */
export function standing(records: readonly AuditRecord[]): AuditRecord[] {
  const decisions = records.filter(
    (record) => 'code' in record && !record.event.startsWith('cognitive.feedback'),
  );
  return [...new Map(decisions.map((record) => [record.decision_id, record])).values()];
}
