/**
 * A log's mirror in a bucket whose objects are locked: what tlog-tiles names, under the same names. Records are written
 * before the hashes over them and both before the checkpoint that needs them, so what a reader finds is always a log.
 *
 * Tiles and bundles are put once. `checkpoint` is put again and again, each time as a new version, since a locked object
 * cannot be overwritten; each is also kept as `checkpoints/<size>`, in sixteen digits, which a listing shows in order.
 */
import { isConsistent, consistencyProof } from '../../tlog/proofs.js';
import { TILE_WIDTH } from '../../tlog/merkle.js';
import { entriesPath, tilePath, type LogFile } from '../../tlog/tile-paths.js';
import { HolderAccount, type HolderStatus } from '../holders/holder-status.js';
import { inParallel } from '../holders/in-parallel.js';
import { Looks } from '../holders/looks.js';
import { readProgress, sizeIn, writeProgress } from '../holders/progress-file.js';
import {
  CHECKPOINT_FILE,
  WITNESSED_CHECKPOINT_FILE,
  type SealedCheckpoint,
  type SealedLog,
} from '../holders/sealed-log.js';
import { fullBundles, fullTiles, partialBundle, partialTiles } from './mirror-plan.js';
import type { S3Client } from './s3-client.js';
import { S3Fault } from './s3-fault.js';

/** What a mirror needs. */
export interface MirrorOptions {
  readonly log: SealedLog;
  readonly client: Pick<S3Client, 'put' | 'putOnce' | 'get' | 'isLocked'>;
  /** Where the mirror is, without a secret; progress counts for no other place. */
  readonly address: string;
  readonly intervalSeconds: number;
  readonly progressPath: string;
  readonly onChange: (status: HolderStatus) => void;
  readonly monotonicMs: () => number;
}

/** A bundle has at most 16.8 MB, and mostly a hundredth of that. */
export const UPLOADS_AT_ONCE = 4;
/** After so many bundles it is written down how far the mirror has come. */
const BUNDLES_PER_STEP = 256;
const SIZE_DIGITS = 16;

export class Mirror {
  readonly #options: MirrorOptions;
  readonly #account: HolderAccount;
  /** Full tiles and bundles up to here are there, though no checkpoint may speak of all of them. */
  #uploaded: number | undefined;
  /** What is there of the step under way, as a server that fails now and then must not have it begin anew. */
  #done = new Set<string>();
  #doneAtLastLook = 0;
  #witnessedSize = 0;
  #nextRoundMs = 0;
  #hasSeenLock = false;
  #looks: Looks | undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#account = new HolderAccount(options.address, options.monotonicMs, options.onChange);
  }

  start(): void {
    this.#looks = new Looks(() => this.look());
  }

  /** The log has grown. */
  committed(size: number): void {
    this.#account.sees(size);
  }

  status(): HolderStatus {
    return this.#account.status();
  }

  /** Begins nothing any more; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    await this.#looks?.close();
  }

  /** The last look, without waiting for its time. */
  async finish(): Promise<void> {
    await this.stop();
    this.#nextRoundMs = 0;
    this.#account.tryNow();
    await this.look();
  }

  /** Up to here records and hashes are there, and a checkpoint over them. */
  get heldSize(): number {
    return this.#account.size;
  }

  /** Brings the bucket up to the published checkpoint when it is time. Never rejects. */
  async look(): Promise<void> {
    try {
      const newest = await this.#options.log.checkpoint();
      if (newest === undefined) return;
      this.#account.sees(newest.size);
      if (!this.#account.mayTry || this.#options.monotonicMs() < this.#nextRoundMs) return;
      await this.#bringUpTo(newest);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const isConflict = error instanceof S3Fault && error.isConflict;
      this.#account.failed(message, { isConflict, hasProgressed: this.#done.size > this.#doneAtLastLook });
    } finally {
      this.#doneAtLastLook = this.#done.size;
    }
  }

  async #bringUpTo(newest: SealedCheckpoint): Promise<void> {
    const startedMs = this.#options.monotonicMs();
    this.#uploaded ??= await this.#restore(newest);
    const { log } = this.#options;
    const witnessed = await log.checkpoint(WITNESSED_CHECKPOINT_FILE).catch(() => undefined);
    const isWitnessedNew = witnessed !== undefined && witnessed.size > this.#witnessedSize;
    if (newest.size > this.#account.size || isWitnessedNew) {
      this.#account.aims(newest.size);
      await this.#uploadFull(newest.size);
      if (isWitnessedNew && witnessed.size <= newest.size)
        await this.#publish(witnessed, WITNESSED_CHECKPOINT_FILE);
      await this.#publish(newest, CHECKPOINT_FILE);
      this.#account.has(newest.size);
      this.#endStep();
      this.#witnessedSize = witnessed?.size ?? 0;
      await this.#keep();
      this.#nextRoundMs = startedMs + this.#options.intervalSeconds * 1_000;
    }
    await this.#expectLock();
    this.#account.succeeded();
  }

  async #uploadFull(size: number): Promise<void> {
    const end = size - (size % TILE_WIDTH);
    while ((this.#uploaded ?? 0) < end) {
      const from = this.#uploaded ?? 0;
      const to = Math.min(end, from + BUNDLES_PER_STEP * TILE_WIDTH);
      await this.#upload(fullBundles(from, to));
      await this.#upload(fullTiles(from, to));
      this.#uploaded = to;
      this.#endStep();
      await this.#keep();
    }
  }

  /** With the partial files that this checkpoint needs. */
  async #publish({ size, note }: SealedCheckpoint, name: string): Promise<void> {
    await this.#upload(partialBundle(size));
    await this.#upload(partialTiles(size));
    const body = Buffer.from(`${note.text}\n${note.signatures.map(({ line }) => line).join('')}`);
    for (const place of [checkpointName(size), name])
      await this.#options.client.put({ name: place, body, type: 'text/plain; charset=utf-8' });
  }

  #upload(files: Iterable<LogFile>): Promise<void> {
    const { log, client } = this.#options;
    return inParallel(files, UPLOADS_AT_ONCE, async (file) => {
      const isBundle = file.kind === 'entries';
      const name = isBundle
        ? entriesPath(file.index, file.width)
        : tilePath(file.level, file.index, file.width);
      if (this.#done.has(name)) return;
      const body = isBundle ? await log.bundle(file.index, file.width) : await log.tile(file);
      await client.putOnce({ name, body, type: 'application/octet-stream' });
      this.#done.add(name);
    });
  }

  #endStep(): void {
    this.#done = new Set();
    this.#doneAtLastLook = 0;
  }

  /** A server may take the lock's headers and do nothing about them. Looked at once after a start; the mirror goes on. */
  async #expectLock(): Promise<void> {
    const { size } = this.#account;
    this.#hasSeenLock ||= size === 0 || (await this.#options.client.isLocked(checkpointName(size)));
    if (!this.#hasSeenLock)
      throw new S3Fault(
        'does not show that its objects are locked: grant s3:GetObjectRetention, or take a server that knows Object Lock',
      );
  }

  /**
   * How far the bucket has come. What it has as its checkpoint must be of this log, and its tree be the beginning of
   * ours. Our own account says more, unless it is of another bucket or lost.
   */
  async #restore(newest: SealedCheckpoint): Promise<number> {
    const { log, client, address, progressPath } = this.#options;
    const text = await client.get(CHECKPOINT_FILE);
    if (text === undefined) return 0;
    const there = this.#verified(text.toString('utf8'));
    await expectBeginning(log, there, newest);
    this.#account.has(there.size);
    const progress = await readProgress(progressPath);
    const uploaded = textIn(progress, 'address') === address ? sizeIn(progress, 'uploaded') : there.size;
    return fullBelow(Math.min(uploaded, newest.size));
  }

  #verified(text: string): SealedCheckpoint {
    try {
      return this.#options.log.verified(text);
    } catch (error) {
      throw new S3Fault(`has a checkpoint that is not of this log: ${(error as Error).message}`, true);
    }
  }

  async #keep(): Promise<void> {
    const { address, progressPath } = this.#options;
    const progress = { address, size: this.#account.size, uploaded: this.#uploaded };
    await writeProgress(progressPath, progress).catch(() => undefined);
  }
}

async function expectBeginning(
  log: SealedLog,
  there: SealedCheckpoint,
  newest: SealedCheckpoint,
): Promise<void> {
  if (there.size > newest.size)
    throw new S3Fault(`has ${there.size} records of this log, which itself has ${newest.size}`, true);
  const proof = await consistencyProof(log.within(newest.size), there.size, newest.size);
  if (!isConsistent(there, newest, proof))
    throw new S3Fault(`has another tree of ${there.size} records: ours does not extend it`, true);
}

function checkpointName(size: number): string {
  return `checkpoints/${String(size).padStart(SIZE_DIGITS, '0')}`;
}

function fullBelow(size: number): number {
  return size - (size % TILE_WIDTH);
}

function textIn(value: unknown, member: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, member)?.value
    : undefined;
}
