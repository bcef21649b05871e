/**
 * A verifier from the moment its services listen to its end: health is polled, the admin port is opened, the socket is
 * perhaps taken over from another process or by another one, and at the stop it is drained.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { Configuration, LimitSettings } from '../config/settings.js';
import type { Health } from '../observability/health.js';
import type { RunningGrpcServer } from './grpc-server.js';
import { systemClock as clock } from './clocks.js';
import type { AdminView } from '../observability/admin-server.js';
import { openPorts } from './ports.js';

const HEALTH_POLL_MILLISECONDS = 100;

/** What a process shows: its own registry, which a supervisor merges with those of the other workers. */
export type ProcessView = AdminView & {
  readonly registry: Registry;
  /** Whether Envoy tells this process what becomes of allows. Default: it does not. */
  readonly isTold?: () => boolean;
};

/** What a process is: alone on the socket and the admin port of the settings, or one of several workers (`workers/supervisor-link.ts`). */
export interface ProcessRole {
  /** Of the Unix socket for Envoy. */
  readonly socketPath: string;
  /** Counted from 0, of a worker: its TCP port is so many above that of the settings. Default: 0. */
  readonly number?: number;
  /** Shows metrics and health; to be called once the services listen. */
  readonly openAdmin: (view: ProcessView) => Promise<{ close(): unknown }>;
  /** Resolves when a successor may take the socket, as soon as it is healthy. */
  readonly mayTakeOver: () => Promise<void>;
  /** To be called when a successor has taken the socket. */
  readonly onSuperseded: () => void;
  /** Whether a stop need not wait until Envoy has turned away, since there is nobody to turn to. */
  readonly isOrphaned: () => boolean;
  /** Whether Envoy tells a process beside this one what becomes of allows. Default: there is none. */
  readonly isToldElsewhere?: () => boolean;
}

/** Of a verifier that is alone. */
export function standaloneRole({ settings }: Configuration): ProcessRole {
  return {
    socketPath: settings.listen.socketPath,
    openAdmin: (view) => openPorts(settings, view),
    mayTakeOver: () => Promise.resolve(),
    onSuperseded: () => undefined,
    isOrphaned: () => false,
  };
}

/** What runs, and how it is shown. */
interface RunningParts {
  readonly grpc: RunningGrpcServer;
  readonly role: ProcessRole;
  readonly view: ProcessView;
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
  const { grpc, role, view, limits, logger, replace } = parts;
  const { health } = view;
  const stopping = new AbortController();
  const { signal } = stopping;
  const openAdmin = (): Promise<{ close(): unknown }> => role.openAdmin(view);
  const admin = replace ? openWhenFree(openAdmin, signal, logger) : Promise.resolve(await openAdmin());
  if (replace) void role.mayTakeOver().then(() => takeOverWhenHealthy(grpc, health, logger, signal));
  const { poll, superseded } = startPoll(parts);
  return {
    superseded,
    stop: async (cut) => {
      stopping.abort();
      const inForce = limits();
      const drainDelayMilliseconds = role.isOrphaned() ? 0 : inForce.drainDelayMilliseconds;
      await drain({ grpc, health, limits: { ...inForce, drainDelayMilliseconds }, cut, logger });
      clearInterval(poll);
      (await admin)?.close();
    },
  };
}

function startPoll({ grpc, view, look, role }: RunningParts): {
  readonly poll: NodeJS.Timeout;
  readonly superseded: Promise<void>;
} {
  let tell = (): void => undefined;
  const superseded = new Promise<void>((resolve) => (tell = resolve));
  void superseded.then(role.onSuperseded);
  const poll = setInterval(() => {
    view.health.poll();
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
  const { grpc, health, limits, cut, logger } = options;
  const endMs = clock.monotonicMs() + limits.drainMilliseconds;
  if (!grpc.isSuperseded()) {
    health.drain();
    await waitForEnvoy(options);
  }
  const connectionsCut = await grpc.stop(Math.max(0, endMs - clock.monotonicMs()), cut);
  if (connectionsCut > 0) logger.warn({ connections: connectionsCut }, 'cut with calls under way');
}

/** As long as `drainDelayMilliseconds`; not at all, or no longer, when nobody is connected. */
async function waitForEnvoy({ grpc, limits, cut }: DrainOptions): Promise<void> {
  const endMs = clock.monotonicMs() + limits.drainDelayMilliseconds;
  while (grpc.connections() > 0 && clock.monotonicMs() < endMs && !cut.aborted)
    await sleep(POLL_MILLISECONDS);
}

const LOOK_MILLISECONDS = 50;

/** Throws a sentence when two processes of this configuration must not run at once. */
export function checkTakeover({ settings }: Configuration): void {
  if (settings.nonces.store === 'memory')
    throw new Error(
      'serve --replace needs a nonce store that both processes share: what one lets in, the other must know; set nonces.store to lmdb',
    );
}

/** Who serves on a socket and can take its name, or on several. */
interface Successor {
  takeOver(): void;
}

/** Waits until this verifier is well, and takes the socket's name. Gives up when `stopped` says so. */
export async function takeOverWhenHealthy(
  successor: Successor,
  health: Health,
  logger: Logger,
  stopped: AbortSignal,
): Promise<void> {
  let told: string | undefined;
  while (!health.isServing() && !stopped.aborted) {
    const reason = health.states().find(({ fault }) => fault !== undefined)?.fault;
    if (reason !== told) logger.info({ reason }, 'not taking over yet');
    told = reason;
    await sleep(LOOK_MILLISECONDS);
  }
  if (stopped.aborted) return;
  successor.takeOver();
  logger.info('took over the socket');
}

/** Opens what the predecessor holds until it has drained, such as a port. Undefined when `stopped` says so first. */
export async function openWhenFree<T>(
  open: () => Promise<T>,
  stopped: AbortSignal,
  logger: Logger,
): Promise<T | undefined> {
  let told = false;
  while (!stopped.aborted) {
    try {
      return await open();
    } catch (error) {
      if (!told) logger.info({ reason: (error as Error).message }, 'waiting for the predecessor to leave it');
      told = true;
      await sleep(LOOK_MILLISECONDS);
    }
  }
  return undefined;
}
