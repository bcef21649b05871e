/** A verifier from the moment its services listen: looked at, shown, perhaps a successor, perhaps succeeded, drained. */
import type { Logger } from 'pino';
import type { LimitSettings } from '../config/settings.js';
import type { Health } from '../observability/health.js';
import { drain } from './drain.js';
import type { RunningGrpcServer } from './grpc-server.js';
import type { Place } from './place.js';
import { openWhenFree, takeOverWhenHealthy } from './succession.js';
import { systemClock as clock } from './system-clock.js';

const HEALTH_POLL_MILLISECONDS = 100;

/** What runs, and how it is shown. */
export interface RunningParts {
  readonly grpc: RunningGrpcServer;
  readonly health: Health;
  readonly place: Pick<Place, 'mayTakeOver' | 'onSuperseded'>;
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
export interface Running {
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

async function takeOver({ place, grpc, health, logger }: RunningParts, stopped: AbortSignal): Promise<void> {
  await place.mayTakeOver();
  await takeOverWhenHealthy(grpc, health, logger, stopped);
}

function startPoll({ grpc, health, look, place }: RunningParts): {
  readonly poll: NodeJS.Timeout;
  readonly superseded: Promise<void>;
} {
  let tell = (): void => undefined;
  const superseded = new Promise<void>((resolve) => (tell = resolve));
  void superseded.then(place.onSuperseded);
  const poll = setInterval(() => {
    health.poll();
    look();
    if (grpc.isSuperseded()) tell();
  }, HEALTH_POLL_MILLISECONDS);
  return { poll, superseded };
}
