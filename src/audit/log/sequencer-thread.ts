/** The thread that seals, with the companions beside it. Its own end is asked for: it is never cut off within a seal. */
import { setPriority } from 'node:os';
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { restoreKeyPair } from '../../crypto/private-key.js';
import { verifierKeyText } from '../../tlog/note.js';
import { startCompanions } from './companions.js';
import { logPaths } from './directory.js';
import { nodeFileSystem } from './file-system.js';
import { openLogLock } from './log-lock.js';
import { sealerOf } from './prepare.js';
import { Pruner } from './prune.js';
import { SealLoop, type Standing } from './seal-loop.js';
import type { ThreadData, ThreadMessage, ThreadQuestion } from './sequencer-messages.js';

/**
 * Checks come first where they share a core: of one that is busy this leaves sealing about a tenth, which is twice what
 * the records of such a core need.
 */
const NICENESS = 10;
/** What companions may still deliver when the process ends. */
const LAST_DELIVERY_MILLISECONDS = 2_000;

const port = parentPort;
if (port === null) throw new Error('this is the thread of a verifier that seals its audit log');
const tell = (message: ThreadMessage): void => port.postMessage(message);

// On Linux a niceness is a thread's own.
if (process.platform === 'linux') setPriority(NICENESS);
const { directory, origin, secret, retentionDays, companions: specs } = workerData as ThreadData;
const key = restoreKeyPair(secret);
secret.fill(0);
const verifierKey = verifierKeyText(origin, key.publicKey.raw);
const lock = openLogLock(logPaths(directory).lock);
const heldSize = (): number => companions.heldSize();
const pruner =
  retentionDays === undefined ? undefined : new Pruner({ retentionDays, nowMs: Date.now, heldSize });
const sealer = sealerOf({ directory, origin, verifierKey }, { key, fs: nodeFileSystem, pruner });
const companions = await startCompanions(specs, {
  directory,
  origin,
  verifierKey,
  report: (level, message, members) => tell({ kind: 'report', level, message, members }),
  addCosignatures: (size, lines) => lock.hold(() => sealer.addCosignatures(size, lines)),
});
const loop = new SealLoop({ sealer, lock, onCommitted: companions.onCommitted, onTried: tellStanding });

port.on('message', ({ kind, id }: ThreadQuestion) => {
  void (kind === 'seal' ? seal() : close()).then((fault) => {
    tell({ kind: 'done', id, fault });
    if (kind === 'close') port.close();
  });
});
loop.start();

function tellStanding({ result, losses, fault }: Standing): void {
  const status = {
    size: result?.committed.size ?? 0,
    checkpointAtMs: result?.committed.committedAtMs ?? 0,
    unsealedBytes: result?.unsealedBytes ?? 0,
    minimumIndex: result?.minimumIndex ?? 0,
    losses,
    fault,
    companions: companions.status(),
  };
  tell({ kind: 'status', status });
}

function seal(): Promise<string | undefined> {
  try {
    loop.sealAll();
    return Promise.resolve(undefined);
  } catch (error) {
    return Promise.resolve((error as Error).message);
  }
}

async function close(): Promise<string | undefined> {
  loop.stop();
  const fault = await seal();
  await companions.close(performance.now() + LAST_DELIVERY_MILLISECONDS);
  await lock.close();
  return fault;
}
