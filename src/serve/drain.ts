/** The way from the order to stop to the last call: say so, serve on until Envoy has turned away, finish, cut. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { LimitSettings } from '../config/settings.js';
import type { Health } from '../observability/health.js';
import type { RunningGrpcServer } from './grpc-server.js';

/** Who drains, and within which limits. */
export interface DrainOptions {
  readonly grpc: RunningGrpcServer;
  readonly health: Health;
  readonly limits: Pick<LimitSettings, 'drainMilliseconds' | 'drainDelayMilliseconds'>;
  /** Aborted when nobody wants to wait any longer. */
  readonly cut: AbortSignal;
  readonly monotonicMs: () => number;
  readonly logger: Logger;
}

const LOOK_MILLISECONDS = 25;

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
  while (grpc.connections() > 0 && monotonicMs() < endMs && !cut.aborted) await sleep(LOOK_MILLISECONDS);
}
