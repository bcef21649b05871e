/**
 * From the settings to what a verifier writes to: the audit log, the nonces, the executions that were submitted and the
 * rate limits. All of it is opened at the start and closed in the reverse order.
 */
import type { Logger } from 'pino';
import type { Configuration, NonceSettings, ServerSettings } from '../config/settings.js';
import type { Snapshot } from '../verify/snapshot.js';
import { initialiseNonceDirectory, openLmdbNonceStore } from '../nonces/lmdb/store.js';
import { createMemoryNonceStore } from '../nonces/memory-store.js';
import type { Clock, NonceStore } from '../nonces/nonce-store.js';
import { openRedisNonceStore } from '../nonces/redis/store.js';
import { widestWindow } from '../verify/checks/freshness.js';
import { systemClock as clock } from './clocks.js';
import type { LifeRecords } from './life-records.js';
import type { AuditLog } from '../audit/audit-log.js';
import { openAudit } from './audit-log.js';
import type { ExecutionBounds, ExecutionStore } from '../executions/execution-store.js';
import { openLmdbExecutionStore } from '../executions/lmdb-store.js';
import { createMemoryExecutionStore } from '../executions/memory-store.js';
import { openRedisExecutionStore } from '../executions/redis-store.js';
import { openLmdbRateLimits } from '../rate-limits/lmdb.js';
import { MemoryRateLimits } from '../rate-limits/memory.js';
import type { RateLimits } from '../verify/effects.js';

/** What is to be undone at the stop, in the order in which it was done. */
export type Undo = (() => unknown)[];

/** What the verifier and the signer need of the executions. */
type KnownExecutions = Pick<ExecutionStore, 'remember' | 'has' | 'close'>;

/** What a verifier writes to. */
export interface Stores {
  readonly audit: AuditLog;
  /** For what is recorded beside decisions and answers: in the audit log alone, so nowhere without one. */
  readonly events: Pick<AuditLog, 'append'>;
  readonly store: NonceStore;
  readonly executions: KnownExecutions;
  readonly rates: RateLimits;
}

const NO_EVENTS: Stores['events'] = { append: () => Promise.resolve('withdrawn') };

/** Opens all of them. Throws a sentence with the remedy when one cannot be opened; `undo` then closes those before it. */
export async function openStores(
  { settings, snapshot }: Configuration,
  logger: Logger,
  undo: Undo,
): Promise<Stores> {
  const { audit, log } = openAudit(settings.audit, clock.nowMs, (file) =>
    logger.info({ file }, 'the audit file was moved, removed or replaced: opened anew'),
  );
  undo.push(() => audit.close());
  const store = await openNonceStore(settings.nonces, snapshot, clock, (message) => logger.warn(message));
  undo.push(() => store.close());
  const executions = openExecutions(snapshot, settings.nonces);
  undo.push(() => executions.close());
  const rates = openRateLimits(settings, store);
  undo.push(() => rates.close());
  return { audit, events: log ?? NO_EVENTS, store, executions, rates: rates.limits };
}

/**
 * Opens the configured store. Throws a sentence with file and remedy when it cannot. `report` is told, in a
 * sentence, what a store finds out while it serves.
 */
function openNonceStore(
  settings: NonceSettings,
  snapshot: Snapshot,
  clock: Clock,
  report?: (message: string) => void,
): Promise<NonceStore> {
  const options = { ...settings, ...widestWindow(snapshot), clock };
  switch (options.store) {
    case 'memory':
      return Promise.resolve(createMemoryNonceStore(options));
    case 'lmdb':
      return openLmdbNonceStore(options);
    case 'redis':
      return openRedisNonceStore({ ...options, report });
  }
}

/**
 * Prepares the store of request keys that were made just now, so that its first start need not refuse what
 * could have been let in before. Only for such keys; a store that is in use is left as it is.
 */
export async function initialiseNonceStore(
  settings: NonceSettings,
  snapshot: Snapshot,
  clock: Clock,
): Promise<void> {
  if (settings.store === 'memory') return;
  const options = { ...settings, ...widestWindow(snapshot), clock };
  if (options.store === 'lmdb') return initialiseNonceDirectory(options);
  const store = await openRedisNonceStore({ ...options, isNew: true });
  await store.close();
}

/** Without feedback nobody asks for an execution, and none is kept. */
const NO_EXECUTIONS: KnownExecutions = {
  remember: () => Promise.resolve(),
  has: () => false,
  close: () => Promise.resolve(),
};

function openExecutions({ feedback }: Snapshot, nonces: NonceSettings): KnownExecutions {
  return feedback === undefined ? NO_EXECUTIONS : openExecutionStore(feedback.executions, nonces);
}

/** Pairs in all: some 200 MB of memory, 400 MB of disk, or 300 MB of Redis. */
const MAX_IN_ALL = 1_000_000;

/** How much one tenant may have kept, and for how long; the bound in all follows from it where it is not given. */
type ExecutionSettings = Omit<ExecutionBounds, 'maxInAll'> & Partial<Pick<ExecutionBounds, 'maxInAll'>>;

/**
 * Opens the store that goes with the nonce store: in its directory or its Redis, shared by the same processes.
 * To be called after the nonce store was opened, which may want to see an empty directory. Throws a sentence
 * with path and remedy when it cannot.
 */
export function openExecutionStore(settings: ExecutionSettings, nonces: NonceSettings): ExecutionStore {
  const { maxPerTenant, retentionSeconds } = settings;
  const maxInAll = settings.maxInAll ?? Math.max(MAX_IN_ALL, maxPerTenant);
  const bounds = { maxPerTenant, retentionSeconds, maxInAll };
  if (nonces.store === 'memory') return createMemoryExecutionStore(bounds);
  if (nonces.store === 'redis') return openRedisExecutionStore({ ...bounds, redis: nonces.redis });
  const { directory, durability } = nonces;
  return openLmdbExecutionStore({ ...bounds, directory, durability });
}

/** Limits, and how to close what they are kept in. */
interface OpenRateLimits {
  readonly limits: RateLimits;
  close(): Promise<void>;
}

/** Opens the limits beside the nonces, or takes those of a store that has its own. Throws a sentence with the remedy when it cannot. */
function openRateLimits(
  { nonces, workers }: Pick<ServerSettings, 'nonces' | 'workers'>,
  store: Pick<NonceStore, 'rateLimits'>,
): OpenRateLimits {
  if (store.rateLimits !== undefined) return { limits: store.rateLimits, close: () => Promise.resolve() };
  if (workers === 1 || nonces.store !== 'lmdb')
    return { limits: new MemoryRateLimits(), close: () => Promise.resolve() };
  const limits = openLmdbRateLimits({ directory: nonces.directory, nowSeconds: secondsSinceBoot });
  return { limits, close: () => limits.close() };
}

/** `performance.now` begins with each process; this clock (CLOCK_MONOTONIC) is the machine's. */
function secondsSinceBoot(): number {
  return Number(process.hrtime.bigint() / 1_000_000_000n);
}

/** Tells the operational log and the audit log when the clock steps, and when the nonce store stops serving and serves again. */
export class StoreReport {
  readonly #store: Pick<NonceStore, 'name' | 'status'>;
  readonly #logger: Pick<Logger, 'warn' | 'info'>;
  readonly #life: Pick<LifeRecords, 'clockStepped' | 'storeFault' | 'storeRecovered'>;
  #steps = 0;
  #wasHealthy = true;

  constructor(
    store: Pick<NonceStore, 'name' | 'status'>,
    logger: Pick<Logger, 'warn' | 'info'>,
    life: Pick<LifeRecords, 'clockStepped' | 'storeFault' | 'storeRecovered'>,
  ) {
    this.#store = store;
    this.#logger = logger;
    this.#life = life;
  }

  /** Looks at the store once. Called by a timer; only what has changed since the last look is told. */
  look(): void {
    const { unhealthy, clockSteps } = this.#store.status();
    const { name: store } = this.#store;
    if (clockSteps > this.#steps) {
      this.#logger.warn({ store, steps: clockSteps, reason: unhealthy }, 'the wall clock stepped');
      this.#life.clockStepped(store, clockSteps, unhealthy);
    }
    if (this.#wasHealthy && unhealthy !== undefined) {
      this.#logger.warn({ store, reason: unhealthy }, 'the nonce store refuses');
      this.#life.storeFault(store, unhealthy);
    }
    if (!this.#wasHealthy && unhealthy === undefined) {
      this.#logger.info({ store }, 'the nonce store serves again');
      this.#life.storeRecovered(store);
    }
    this.#steps = clockSteps;
    this.#wasHealthy = unhealthy === undefined;
  }
}
