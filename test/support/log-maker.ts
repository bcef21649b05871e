/** Logs in directories, as the sequencer would leave them, for tests of those who read them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { generateKeyPair } from '../../src/crypto/private-key.js';
import { selectSigner } from '../../src/crypto/signing.js';
import { checkpointText } from '../../src/tlog/checkpoint.js';
import { encodeEntry } from '../../src/tlog/entries.js';
import { leafHash, TILE_WIDTH } from '../../src/tlog/merkle.js';
import { signatureLine, verifierKeyText } from '../../src/tlog/note.js';
import { entriesPath, tilePath } from '../../src/tlog/tile-paths.js';
import { TreeEdge, type Tile } from '../../src/tlog/tree-edge.js';

export const LOG_ORIGIN = 'countersign.example/test-log';
export const logKey = generateKeyPair(Buffer.alloc(32, 12));
export const LOG_VERIFIER_KEY = verifierKeyText(LOG_ORIGIN, logKey.publicKey.raw);

/** A record of the shape that ours have. */
export function recordOf(index: number): Buffer {
  const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
  return Buffer.from(
    JSON.stringify({
      time: new Date(1_764_000_000_000 + index).toISOString(),
      event: 'request.allowed',
      decision_id: id,
      identity: `producer-${index % 7}`,
      tenant: `tenant-${index % 3}`,
      status: 200,
    }),
  );
}

/** A checkpoint's note, signed by the test's key or another one. */
export function signedCheckpoint(size: number, root: Uint8Array, origin = LOG_ORIGIN, key = logKey): string {
  const text = checkpointText({ origin, size, root });
  const sign = (message: Uint8Array): Uint8Array => selectSigner().sign(key, message);
  return `${text}\n${signatureLine(text, origin, key.publicKey.raw, sign)}`;
}

/** A log that can grow. */
export class LogMaker {
  readonly directory: string;
  readonly #edge = new TreeEdge();
  #bundle: Buffer[] = [];

  constructor(directory = mkdtempSync(join(tmpdir(), 'log-'))) {
    this.directory = directory;
  }

  get size(): number {
    return this.#edge.size;
  }

  /** Appends records, and publishes. */
  grow(count: number, record: (index: number) => Buffer = recordOf): this {
    for (const end = this.size + count; this.size < end;) {
      const bytes = record(this.size);
      this.#bundle.push(encodeEntry(bytes));
      const full = this.#edge.append(leafHash(bytes));
      if (full.length === 0) continue;
      this.write(entriesPath(this.size / TILE_WIDTH - 1), Buffer.concat(this.#bundle));
      this.#bundle = [];
      for (const tile of full) this.#writeTile(tile);
    }
    return this.publish();
  }

  /** Writes partial tiles and the checkpoint. */
  publish(): this {
    for (const tile of this.#edge.partialTiles()) this.#writeTile(tile);
    const width = this.#bundle.length;
    if (width > 0)
      this.write(entriesPath(Math.floor(this.size / TILE_WIDTH), width), Buffer.concat(this.#bundle));
    this.write('checkpoint', this.checkpoint());
    return this;
  }

  /** The signed note of the log as it is. */
  checkpoint(): string {
    return signedCheckpoint(this.size, this.#edge.root());
  }

  write(file: string, bytes: string | Uint8Array): void {
    const path = join(this.directory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #writeTile({ level, index, width, hashes }: Tile): void {
    this.write(tilePath(level, index, width), hashes);
  }
}
