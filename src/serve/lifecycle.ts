/**
 * A verifier from the moment its services listen to its end: health is polled, the admin port is opened, the socket is
 * perhaps taken over from another process or by another one, and at the stop it is drained.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { LimitSettings, Configuration } from '../config/settings.js';
import type { Health } from '../observability/health.js';
import type { RunningGrpcServer } from './grpc-server.js';
import { openWhenFree, takeOverWhenHealthy } from './takeover.js';
import { systemClock as clock } from './clocks.js';
import { startAdminServer, type AdminView } from '../observability/admin-server.js';

const HEALTH_POLL_MILLISECONDS = 100;

/** What a process shows: its own registry, which a supervisor merges with those of the other workers. */
export type ProcessView = AdminView & { readonly registry: Registry };

/** What a process is: alone on the socket and the admin port of the settings, or one of several workers (`workers/supervisor-link.ts`). */
export interface ProcessRole {
  /** Of the Unix socket for Envoy. */
  readonly socketPath: string;
  /** Shows metrics and health; to be called once the services listen. */
  readonly openAdmin: (view: ProcessView) => Promise<{ close(): unknown }>;
  /** Resolves when a successor may take the socket, as soon as it is healthy. */
  readonly mayTakeOver: () => Promise<void>;
  /** To be called when a successor has taken the socket. */
  readonly onSuperseded: () => void;
  /** Whether a stop need not wait until Envoy has turned away, since there is nobody to turn to. */
  readonly isOrphaned: () => boolean;
}

/** Of a verifier that is alone. */
export function standaloneRole({ settings }: Configuration): ProcessRole {
  return {
    socketPath: settings.listen.socketPath,
    openAdmin: (view) => startAdminServer({ ...settings.admin, ...view }),
    mayTakeOver: () => Promise.resolve(),
    onSuperseded: () => undefined,
    isOrphaned: () => false,
  };
}

/** What runs, and how it is shown. */
interface RunningParts {
  readonly grpc: RunningGrpcServer;
  readonly health: Health;
  readonly role: Pick<ProcessRole, 'mayTakeOver' | 'onSuperseded'>;
  /** Rejects with a sentence when the port cannot be had. */
  readonly openAdmin: () => Promise<{ close(): unknown }>;
  /** Those in force when they are asked for. */
  readonly limits: () => LimitSettings;
  readonly logger: Logger;
  /** What else is to be looked at as often as health. */
  readonly look: () => void;
  /** Takes the socket from another process, and the admin port when that process has left it. */
  readonly replace: boolean;
}

/** How it ends. */
interface Running {
  /** Resolves when a successor has taken the socket. */
  readonly superseded: Promise<void>;
  /** Drains, and closes what was opened here. Must be called once. */
  stop(cut: AbortSignal): Promise<void>;
}

/** Rejects when the admin port cannot be had, and then nothing of this goes on. */
export async function run(parts: RunningParts): Promise<Running> {
  const { grpc, health, openAdmin, limits, logger, replace } = parts;
  const stopping = new AbortController();
  const admin = replace
    ? openWhenFree(openAdmin, stopping.signal, logger)
    : Promise.resolve(await openAdmin());
  if (replace) void takeOver(parts, stopping.signal);
  const { poll, superseded } = startPoll(parts);
  return {
    superseded,
    stop: async (cut) => {
      stopping.abort();
      await drain({ grpc, health, limits: limits(), cut, monotonicMs: clock.monotonicMs, logger });
      clearInterval(poll);
      (await admin)?.close();
    },
  };
}

async function takeOver({ role, grpc, health, logger }: RunningParts, stopped: AbortSignal): Promise<void> {
  await role.mayTakeOver();
  await takeOverWhenHealthy(grpc, health, logger, stopped);
}

function startPoll({ grpc, health, look, role }: RunningParts): {
  readonly poll: NodeJS.Timeout;
  readonly superseded: Promise<void>;
} {
  let tell = (): void => undefined;
  const superseded = new Promise<void>((resolve) => (tell = resolve));
  void superseded.then(role.onSuperseded);
  const poll = setInterval(() => {
    health.poll();
    look();
    if (grpc.isSuperseded()) tell();
  }, HEALTH_POLL_MILLISECONDS);
  return { poll, superseded };
}

/** Who drains, and within which limits. */
interface DrainOptions {
  readonly grpc: RunningGrpcServer;
  readonly health: Health;
  readonly limits: Pick<LimitSettings, 'drainMilliseconds' | 'drainDelayMilliseconds'>;
  /** Aborted when nobody wants to wait any longer. */
  readonly cut: AbortSignal;
  readonly monotonicMs: () => number;
  readonly logger: Logger;
}

const POLL_MILLISECONDS = 25;

/**
 * Resolves when the socket is closed and no call is under way, within `drainMilliseconds`.
 *
 * Whose name was taken by a successor does not say that it is unwell: Envoy knows both by the one name, and would
 * turn away from the successor, too. It sends its peers there by GOAWAY, and that is all.
 */
export async function drain(options: DrainOptions): Promise<void> {
  const { grpc, health, limits, cut, monotonicMs, logger } = options;
  const endMs = monotonicMs() + limits.drainMilliseconds;
  if (!grpc.isSuperseded()) {
    health.drain();
    await waitForEnvoy(options);
  }
  const connectionsCut = await grpc.stop(Math.max(0, endMs - monotonicMs()), cut);
  if (connectionsCut > 0) logger.warn({ connections: connectionsCut }, 'cut with calls under way');
}

/** As long as `drainDelayMilliseconds`; not at all, or no longer, when nobody is connected. */
async function waitForEnvoy({ grpc, limits, cut, monotonicMs }: DrainOptions): Promise<void> {
  const endMs = monotonicMs() + limits.drainDelayMilliseconds;
  while (grpc.connections() > 0 && monotonicMs() < endMs && !cut.aborted) await sleep(POLL_MILLISECONDS);
}
