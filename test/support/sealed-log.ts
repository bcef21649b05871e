/** Writes whole log directories (C2SP tlog-tiles) for tests and benchmarks, as fast as one core hashes; signed under a key of its own. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkpointText } from '../../src/tlog/checkpoint.js';
import { encodeEntry } from '../../src/tlog/entries.js';
import { leafHash, TILE_WIDTH } from '../../src/tlog/merkle.js';
import { signatureLine, verifierKeyText } from '../../src/tlog/note.js';
import { entriesPath, tilePath } from '../../src/tlog/tile-paths.js';
import { TreeEdge, type Tile } from '../../src/tlog/tree-edge.js';

export const SEALED_ORIGIN = 'countersign.example/sealed';

/** What was written. */
export interface SealedLog {
  readonly size: number;
  readonly verifierKey: string;
}

/** A checkpoint for each call of `seal`; records are appended in between. */
export class SealedLogWriter {
  readonly #directory: string;
  readonly #edge = TreeEdge.at(0, () => Buffer.alloc(0));
  readonly #keys = generateKeyPairSync('ed25519');
  readonly #made = new Set<string>();
  #entries: Buffer[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  append(record: Uint8Array): void {
    this.#entries.push(encodeEntry(record));
    for (const tile of this.#edge.append(leafHash(record))) {
      this.#writeTile(tile);
      if (tile.level > 0) continue;
      this.#write(entriesPath(tile.index), Buffer.concat(this.#entries));
      this.#entries = [];
    }
  }

  seal(): SealedLog {
    const { size } = this.#edge;
    for (const tile of this.#edge.partialTiles()) this.#writeTile(tile);
    const width = size % TILE_WIDTH;
    if (width > 0)
      this.#write(entriesPath(Math.floor(size / TILE_WIDTH), width), Buffer.concat(this.#entries));
    const text = checkpointText({ origin: SEALED_ORIGIN, size, root: this.#edge.root() });
    const raw = this.#keys.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const line = signatureLine(text, SEALED_ORIGIN, raw, (message) =>
      sign(null, message, this.#keys.privateKey),
    );
    this.#write('checkpoint', Buffer.from(`${text}\n${line}`));
    return { size, verifierKey: verifierKeyText(SEALED_ORIGIN, raw) };
  }

  #writeTile({ level, index, width, hashes }: Tile): void {
    this.#write(tilePath(level, index, width), hashes);
  }

  #write(name: string, bytes: Uint8Array): void {
    const path = join(this.#directory, name);
    const folder = dirname(path);
    if (!this.#made.has(folder)) mkdirSync(folder, { recursive: true });
    this.#made.add(folder);
    writeFileSync(path, bytes);
  }
}

/** A log of these records. */
export function writeSealedLog(directory: string, records: Iterable<Uint8Array | object>): SealedLog {
  const writer = new SealedLogWriter(directory);
  for (const record of records)
    writer.append(record instanceof Uint8Array ? record : Buffer.from(JSON.stringify(record)));
  return writer.seal();
}
