/**
 * Noticing that a file of the configuration has changed. The files are looked at once a second, by what they are
 * and not by what a kernel says happened to them: events are lost or never come on network file systems, overlays
 * and bind mounts, an editor's rename and Kubernetes' swap of `..data` look like the loss of the watched file, and
 * an event comes before the writer is done. A second is soon enough for a key, and a look costs microseconds.
 */
import { webcrypto } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { FileStates } from '../settings.js';
import { fileState, MAX_FILE_BYTES, READ_ONLY, stateText, type FileState } from './read-file.js';

const LOOK_MILLISECONDS = 1_000;
/** A change has to stand for this long before it counts: whoever writes is given the time to finish. */
const SETTLE_MILLISECONDS = 200;
/** A look at thousands of files takes a while; this much longer it does not look. */
const REST_PER_LOOK = 4;
/** A file whose time is younger may change again without its time showing it: some volumes keep whole seconds. */
const YOUNG_MILLISECONDS = 3_000;

/** The times that a test shortens. */
interface FileWatchOptions {
  /** Called when a file differs from its state, and the difference stands; again and again until it is followed. */
  readonly onChange: () => void;
  readonly lookMilliseconds?: number;
  readonly settleMilliseconds?: number;
}

/** A state, and the times and size of the file by which it need not be taken again. */
interface Known {
  readonly signature: string;
  readonly state: FileState;
}

export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #known = new Map<string, Known>();
  #followed: FileStates = new Map();
  /** What differed at the last look. */
  #seen: FileStates = new Map();
  #differences = '';
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#schedule(options.lookMilliseconds ?? LOOK_MILLISECONDS);
  }

  /** From now on these files, which looked like this when they were loaded. */
  follow(fileStates: FileStates): void {
    this.#followed = fileStates;
    this.#differences = '';
    this.#seen = new Map();
    for (const path of this.#known.keys()) if (!fileStates.has(path)) this.#known.delete(path);
  }

  /** From now on the same files, as they were seen last: of a load that came to no end. */
  followAsSeen(): void {
    this.follow(new Map([...this.#followed, ...this.#seen]));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(milliseconds: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => void this.#look(), milliseconds).unref();
  }

  async #look(): Promise<void> {
    const { lookMilliseconds = LOOK_MILLISECONDS, settleMilliseconds = SETTLE_MILLISECONDS } = this.#options;
    const followed = this.#followed;
    const startedMs = performance.now();
    const seen = await this.#compare(followed);
    const differences = [...seen].map(([path, now]) => `${path} ${now}`).join('\n');
    const tookMs = performance.now() - startedMs;
    const isCurrent = followed === this.#followed && !this.#closed;
    const stands = differences !== '' && differences === this.#differences;
    if (isCurrent) [this.#differences, this.#seen] = [differences, seen];
    const pause = differences === '' || stands ? lookMilliseconds : settleMilliseconds;
    this.#schedule(Math.max(pause, REST_PER_LOOK * tookMs));
    if (isCurrent && stands) this.#options.onChange();
  }

  /** What differs, as it looks now. */
  async #compare(followed: FileStates): Promise<FileStates> {
    const seen = new Map<string, FileState>();
    for (const [path, state] of followed) {
      const now = await this.#stateOf(path);
      if (now !== state) seen.set(path, now);
    }
    return seen;
  }

  async #stateOf(path: string): Promise<FileState> {
    const signature = await signatureOf(path);
    const known = this.#known.get(path);
    if (known !== undefined && known.signature === signature) return known.state;
    const state = await stateOffTheLoop(path);
    if (signature === undefined) this.#known.delete(path);
    else this.#known.set(path, { signature, state });
    return state;
  }
}

/** As {@link fileState}, but a file of a sensible size is read and hashed by other threads. */
async function stateOffTheLoop(path: string): Promise<FileState> {
  const handle = await open(path, READ_ONLY).catch(() => undefined);
  try {
    return (handle && (await stateOfOpen(handle))) ?? fileState(path);
  } catch {
    return fileState(path);
  } finally {
    await handle?.close();
  }
}

async function stateOfOpen(handle: FileHandle): Promise<FileState | undefined> {
  const stats = await handle.stat();
  if (!stats.isFile() || stats.size === 0 || stats.size > MAX_FILE_BYTES) return undefined;
  const bytes = await handle.readFile();
  const hash = await webcrypto.subtle.digest('SHA-256', bytes);
  bytes.fill(0);
  return stateText(stats.mode, Buffer.from(hash).toString('hex'));
}

/** What changes whenever a file does; undefined when it has to be read to tell. */
async function signatureOf(path: string): Promise<string | undefined> {
  try {
    const stats = await stat(path, { bigint: true });
    return isYoung(stats)
      ? undefined
      : [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join();
  } catch {
    return undefined;
  }
}

/** Times that lie ahead of our clock are no help either. */
function isYoung({ mtimeMs, ctimeMs }: BigIntStats): boolean {
  const latest = Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
  return Date.now() - latest < YOUNG_MILLISECONDS;
}
