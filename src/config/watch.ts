/**
 * Noticing that a file of the configuration has changed. The files are looked at once a second, by what they are
 * and not by what a kernel says happened to them: events are lost or never come on network file systems, overlays
 * and bind mounts, an editor's rename and Kubernetes' swap of `..data` look like the loss of the watched file, and
 * an event comes before the writer is done. A second is soon enough for a key, and a look costs microseconds.
 */
import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { printFile, type FilePrint } from './file-print.js';
import type { FilePrints } from './settings.js';

const LOOK_MILLISECONDS = 1_000;
/** A change has to stand for this long before it counts: whoever writes is given the time to finish. */
const SETTLE_MILLISECONDS = 200;
/** A file whose time is younger may change again without its time showing it: some volumes keep whole seconds. */
const YOUNG_MILLISECONDS = 3_000;

/** The times that a test shortens. */
export interface FileWatchOptions {
  /** Called when a file differs from its print, and the difference stands; again and again until it is followed. */
  readonly onChange: () => void;
  readonly lookMilliseconds?: number;
  readonly settleMilliseconds?: number;
}

/** A print, and the look of the file by which it need not be taken again. */
interface Known {
  readonly signature: string;
  readonly print: FilePrint;
}

export class FileWatch {
  readonly #options: FileWatchOptions;
  readonly #known = new Map<string, Known>();
  #followed: FilePrints = new Map();
  #differences = '';
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: FileWatchOptions) {
    this.#options = options;
    this.#schedule(options.lookMilliseconds ?? LOOK_MILLISECONDS);
  }

  /** From now on these files, which looked like this when they were loaded. */
  follow(prints: FilePrints): void {
    this.#followed = prints;
    this.#differences = '';
    for (const path of this.#known.keys()) if (!prints.has(path)) this.#known.delete(path);
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
    const differences = await this.#compare(followed);
    const isCurrent = followed === this.#followed && !this.#closed;
    const stands = differences !== '' && differences === this.#differences;
    if (isCurrent) this.#differences = differences;
    this.#schedule(differences === '' || stands ? lookMilliseconds : settleMilliseconds);
    if (isCurrent && stands) this.#options.onChange();
  }

  /** What differs, as a text that two looks can be compared by; empty when nothing does. */
  async #compare(followed: FilePrints): Promise<string> {
    const differences: string[] = [];
    for (const [path, print] of followed) {
      const now = await this.#print(path);
      if (now !== print) differences.push(`${path} ${now}`);
    }
    return differences.join('\n');
  }

  async #print(path: string): Promise<FilePrint> {
    const signature = await signatureOf(path);
    const known = this.#known.get(path);
    if (known !== undefined && known.signature === signature) return known.print;
    const print = printFile(path);
    if (signature === undefined) this.#known.delete(path);
    else this.#known.set(path, { signature, print });
    return print;
  }
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
