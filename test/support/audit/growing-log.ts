/** A log of a test's own that grows when it is told to, with what the sequencer leaves in its directory and no more. */
import { createPrivateKey, createPublicKey, createHash, sign, type KeyObject } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { SealedLog } from '../../../src/audit/holders/sealed-log.js';
import { checkpointText } from '../../../src/tlog/checkpoint.js';
import { encodeEntry } from '../../../src/tlog/entries.js';
import { leafHash, TILE_WIDTH } from '../../../src/tlog/merkle.js';
import { parseVerifierKey, signatureLine, verifierKeyText } from '../../../src/tlog/note.js';
import { TreeEdge, type Tile } from '../../../src/tlog/tree-edge.js';
import { entriesPath, tilePath } from '../../../src/tlog/tile-paths.js';

const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A key that is the same in every run. */
export function keyNamed(name: string): { readonly key: KeyObject; readonly raw: Buffer } {
  const seed = createHash('sha256').update(name).digest();
  const key = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' });
  return { key, raw: createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32) };
}

export class GrowingLog {
  readonly directory = mkdtempSync(join(tmpdir(), 'countersign-log-'));
  readonly verifierKey: string;
  readonly sealed: SealedLog;
  readonly #origin: string;
  readonly #keyName: string;
  readonly #edge = TreeEdge.at(0, () => Buffer.alloc(0));
  #bundle: Buffer[] = [];

  /** `keyName`: of the key that signs; another one makes a log that only pretends to be this one. */
  constructor(origin = 'countersign.example/log', keyName = origin) {
    this.#origin = origin;
    this.#keyName = keyName;
    this.verifierKey = verifierKeyText(origin, keyNamed(keyName).raw);
    this.sealed = new SealedLog(this.directory, parseVerifierKey(this.verifierKey));
  }

  get size(): number {
    return this.#edge.size;
  }

  /** Appends so many records, seals and publishes; gives the checkpoint. */
  grow(records: number, text = (index: number): string => `{"record":${index}}`): string {
    for (let at = 0; at < records; at += 1) this.#append(Buffer.from(text(this.size)));
    for (const tile of this.#edge.partialTiles()) this.#writeTile(tile);
    const width = this.size % TILE_WIDTH;
    if (width > 0)
      this.#write(entriesPath(Math.floor(this.size / TILE_WIDTH), width), Buffer.concat(this.#bundle));
    const note = this.checkpoint();
    this.publish('checkpoint', note);
    return note;
  }

  /** The checkpoint of the whole tree, as the log signs it. */
  checkpoint(): string {
    const { key, raw } = keyNamed(this.#keyName);
    const text = checkpointText({ origin: this.#origin, size: this.size, root: this.#edge.root() });
    return `${text}\n${signatureLine(text, this.#origin, raw, (message) => sign(null, message, key))}`;
  }

  /** Replaces a file of the directory. */
  publish(name: string, text: string): void {
    const path = join(this.directory, name);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #append(record: Buffer): void {
    this.#bundle.push(encodeEntry(record));
    for (const tile of this.#edge.append(leafHash(record))) {
      this.#writeTile(tile);
      if (tile.level !== 0) continue;
      this.#write(entriesPath(tile.index), Buffer.concat(this.#bundle));
      this.#bundle = [];
    }
  }

  #writeTile({ level, index, width, hashes }: Tile): void {
    this.#write(tilePath(level, index, width), hashes);
  }

  #write(name: string, bytes: Uint8Array): void {
    const path = join(this.directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}
