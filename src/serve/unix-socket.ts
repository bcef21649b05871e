/**
 * The Unix socket towards Envoy: its directory 0750, the socket 0660, a socket left by a dead process removed,
 * one of a living process respected or taken over in one step (docs/security-requirements.md#30).
 */
import { randomBytes } from 'node:crypto';
import { linkSync, lstatSync, mkdirSync, renameSync, rmSync, unlinkSync, type Stats } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';

const DIRECTORY_MODE = 0o750;
/** 0777 minus this is 0660. */
const SOCKET_UMASK = 0o117;
/** As hex digits behind a dot: hardly longer than any socket's own name, whose length the system bounds. */
const RANDOM_BYTES = 3;

/**
 * The name under which a socket is found. The socket itself is bound under a passing name beside it and gets its
 * own by one step, so that nobody ever sees a name without a listener behind it. It also keeps Node from removing
 * the name at the stop, when it may belong to a successor already.
 */
export class SocketName {
  readonly path: string;
  /** Bind here, then `publish` or `takeOver`. */
  readonly passingPath: string;
  #own: Stats | undefined;

  constructor(path: string) {
    this.path = path;
    this.passingPath = join(dirname(path), `.${randomBytes(RANDOM_BYTES).toString('hex')}`);
  }

  /** Makes the name, where nobody has it. Throws a sentence when somebody has. */
  publish(): void {
    this.#own = lstatSync(this.passingPath);
    try {
      linkSync(this.passingPath, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw served(this.path);
      throw error;
    }
    unlinkSync(this.passingPath);
  }

  /** Makes the name or takes it from whoever has it; who connects from now on comes here. */
  takeOver(): void {
    this.#own = lstatSync(this.passingPath);
    renameSync(this.passingPath, this.path);
  }

  /** Whether another socket has the name now. Not while the name is merely gone. */
  isTaken(): boolean {
    const found = lstatSync(this.path, { throwIfNoEntry: false });
    return found !== undefined && this.#own !== undefined && !isSame(found, this.#own);
  }

  /** Removes the name, if it is still ours. */
  remove(): void {
    rmSync(this.passingPath, { force: true });
    const found = lstatSync(this.path, { throwIfNoEntry: false });
    if (found === undefined || this.#own === undefined || !isSame(found, this.#own)) return;
    renameSync(this.path, this.passingPath);
    // A successor may have come between the look and the move: then it gets its name back.
    if (!isSame(lstatSync(this.passingPath), this.#own)) giveBack(this.passingPath, this.path);
    rmSync(this.passingPath, { force: true });
  }
}

/** Unless yet another has the name by now. */
function giveBack(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function isSame(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/** Makes room for a socket at `path`. Throws a sentence with the remedy when something else is there. */
export async function prepareSocket(path: string): Promise<void> {
  if (!(await isReplaceable(path))) throw served(path);
  rmSync(path, { force: true });
}

/**
 * Makes the directory, and judges what is at `path`: false when a living process serves it. Throws a sentence when
 * it is no socket.
 */
export async function isReplaceable(path: string): Promise<boolean> {
  mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return true;
  if (!found.isSocket()) throw new Error(`${path} is no socket: remove it or change listen.socket`);
  return !(await isServed(path));
}

function served(path: string): Error {
  return new Error(
    `another process serves ${path}: stop it, take over from it with serve --replace, or change listen.socket`,
  );
}

/** Binds with the umask that gives 0660, which is the whole process's until `bind` has settled. */
export async function withSocketUmask<T>(bind: () => Promise<T>): Promise<T> {
  const before = process.umask(SOCKET_UMASK);
  try {
    return await bind();
  } finally {
    process.umask(before);
  }
}

/** Only a refused connection says that nobody listens: a full queue (EAGAIN) or a denied access (EACCES) does not. */
function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
