/** Where a verifier is found: by itself on the socket and the admin port of the settings, or as one of several workers. */
import { workerSocketPaths, type Configuration } from '../config/settings.js';
import { startAdminServer } from '../observability/admin-server.js';
import { openWorkerLink, tellSuperseded, toldToTakeOver, type WorkerView } from './workers/worker-link.js';

/** The Unix socket for Envoy, and who is shown metrics and health. */
export interface Place {
  readonly socketPath: string;
  /** To be called once the services listen. */
  readonly openAdmin: (view: WorkerView) => Promise<{ close(): unknown }>;
  /** Resolves when a successor may take the socket, as soon as it is healthy. */
  readonly mayTakeOver: () => Promise<void>;
  /** To be called when a successor has taken the socket. */
  readonly onSuperseded: () => void;
  /** Whether a stop need not wait until Envoy has turned away, since there is nobody to turn to. */
  readonly isForsaken: () => boolean;
}

/** Of a verifier that is alone. */
export function ownPlace({ settings }: Configuration): Place {
  return {
    socketPath: settings.listen.socketPath,
    openAdmin: (view) => startAdminServer({ ...settings.admin, ...view }),
    mayTakeOver: () => Promise.resolve(),
    onSuperseded: () => undefined,
    isForsaken: () => false,
  };
}

/** Of the worker of this number, counted from 0. Throws when the configuration has no such worker. */
export function workerPlace({ settings }: Configuration, worker: number): Place {
  const socketPath = workerSocketPaths(settings)[worker];
  if (socketPath === undefined) throw new Error(`there is no worker ${worker} of ${settings.workers}`);
  return {
    socketPath,
    openAdmin: (view) => Promise.resolve(openWorkerLink(view)),
    mayTakeOver: toldToTakeOver,
    onSuperseded: tellSuperseded,
    isForsaken: () => !process.connected,
  };
}
