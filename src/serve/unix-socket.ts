/**
 * The Unix socket towards Envoy: its directory 0750, the socket 0660, a socket left by a dead process removed,
 * one of a living process respected (security.md MUST 30; envoy-facts.md, grpc-js as the server).
 */
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

const DIRECTORY_MODE = 0o750;
/** 0777 minus this is 0660. */
const SOCKET_UMASK = 0o117;

/** Makes room for a socket at `path`. Throws a sentence with the remedy when something else is there. */
export async function prepareSocket(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} is no socket: remove it or change listen.socket`);
  if (await isServed(path))
    throw new Error(`another process serves ${path}: stop it or change listen.socket`);
  unlinkSync(path);
}

/** Binds with the umask that gives 0660; grpc-js binds synchronously enough only within `bind`'s promise. */
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
