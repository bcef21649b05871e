/** What the one admin port shows of several workers: ready while one of them serves, and how each of them is. */
import {
  Counter,
  Gauge,
  Registry,
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import { engineInUse } from '../../crypto/engines.js';
import type { FeedbackJwkSet } from '../../feedback/keyring.js';
import type { AdminView, ReloadAnswer } from '../../observability/admin-server.js';
import {
  addAuditLogMetrics,
  auditLogHealth,
  describeAuditLog,
  type AuditLogLook,
} from '../../observability/audit-log-view.js';
import { engineHealth, Health } from '../../observability/health.js';
import {
  addKeyRotationMetrics,
  describeKeyRotation,
  keyRotationHealth,
  type KeyRotationLook,
} from '../../observability/key-rotation-view.js';
import { addLogMetrics } from '../../observability/log-destination.js';
import type { IdentityPage } from '../../observability/page/identity-list.js';
import type { RecentRefusal } from '../../observability/page/recent-decisions.js';
import {
  mergeLive,
  mergeRefusals,
  type PageLive,
  type PageSource,
} from '../../observability/page/page-source.js';
import { systemClock } from '../clocks.js';
import type { Worker } from './worker.js';

/** What is looked at of a worker. */
export type WorkerLook = Pick<Worker, 'number' | 'pid' | 'state' | 'replacements' | 'ask'>;

/** The view, and how it learns of a death. */
export interface SupervisorView extends AdminView {
  readonly died: (number: number) => void;
}

/** What the process that shows them knows by itself. */
interface OwnLooks {
  /** Lines of its log that could not be written. Default: none. */
  readonly lostLogLines?: () => number;
  /** The audit log that it seals. */
  readonly sealed?: AuditLogLook | undefined;
  /** Feedback keys on schedule, which it keeps. */
  readonly rotation?: KeyRotationLook | undefined;
}

/** The view of these workers. */
export function supervisorView(workers: readonly WorkerLook[], own: OwnLooks = {}): SupervisorView {
  const ask = workers.map(
    (worker) => [worker.number, () => worker.ask('metrics') as Promise<MetricsJson | undefined>] as const,
  );
  const merged = new MergedMetrics(ownMetrics(workers, own), new Map(ask));
  return {
    health: healthOf(workers, own),
    registry: merged,
    describe: async () => ({
      ...(await describe(workers)),
      audit_log: own.sealed && describeAuditLog(own.sealed),
      key_rotation: own.rotation && describeKeyRotation(own.rotation),
    }),
    keyring: (tenant) => keyringOf(workers, tenant),
    reload: () => reload(workers),
    died: (number) => merged.departed(number),
  };
}

/** Keys in memory are each worker's own; those of the configuration all of them have. */
async function keyringOf(
  workers: readonly WorkerLook[],
  tenant: string | undefined,
): Promise<FeedbackJwkSet | undefined> {
  const told = await Promise.all(workers.map((worker) => worker.ask('keyring', tenant)));
  const sets = (told as (FeedbackJwkSet | undefined)[]).filter((set) => set !== undefined);
  if (sets.length === 0) return undefined;
  const keys = new Map(sets.flatMap((set) => set.keys).map((key) => [key.kid, key]));
  return { keys: [...keys.values()] };
}

/** One that serves, or else one that runs. */
function servingOf(workers: readonly WorkerLook[]): WorkerLook | undefined {
  return workers.find(({ state }) => state?.serving) ?? workers.find(({ state }) => state);
}

/** What workers tell the page: counts and refusals of all of them, the configuration of one. What the dead told is gone. */
export function pageOfWorkers(workers: readonly WorkerLook[]): PageSource {
  const askAll = (kind: 'live' | 'refusals'): Promise<unknown[]> =>
    Promise.all(workers.map((worker) => worker.ask('page', { kind })));
  return {
    live: async () => mergeLive((await askAll('live')) as (PageLive | undefined)[]),
    refusals: async () =>
      mergeRefusals(
        ((await askAll('refusals')) as (RecentRefusal[] | undefined)[]).map((told) => told ?? []),
      ),
    identities: async (query) =>
      (await servingOf(workers)?.ask('page', { kind: 'identities', query })) as IdentityPage | undefined,
  };
}

/** Each worker takes over for itself what the supervisor has loaded; a request is judged by one of them, whole. */
async function reload(workers: readonly WorkerLook[]): Promise<ReloadAnswer> {
  const answers = (await Promise.all(workers.map((worker) => worker.ask('reload')))) as (
    ReloadAnswer | undefined
  )[];
  const told = workers.map(({ number }, at) => ({
    worker: number,
    ...(answers[at]?.body ?? { outcome: 'unknown' }),
  }));
  return { applied: answers.every((answer) => answer?.applied === true), body: { workers: told } };
}

/** What may have a word to say while everything serves; the first worker that has one says it for all. */
const WORKERS_NOTES = ['configuration', 'keys', 'key_sets', 'key_sources', 'report_only'] as const;

/** A worker that is away or unwell is a note as long as another one serves: Envoy asks that one. */
function healthOf(workers: readonly WorkerLook[], { sealed, rotation }: OwnLooks): Health {
  const reasons = (): string | undefined => {
    const unwell = workers.flatMap((worker) => reasonOf(worker) ?? []);
    return unwell.length === 0 ? undefined : unwell.join('; ');
  };
  const oneServes = (): boolean => workers.some(({ state }) => state?.serving);
  return new Health([
    { name: 'workers', fault: () => (oneServes() ? undefined : reasons()), note: () => reasons() },
    ...WORKERS_NOTES.map((name) => ({
      name,
      fault: () => undefined,
      note: () => noteOf(workers, name),
    })),
    // Workers run the same build on the same machine.
    ...engineHealth(engineInUse().notes),
    ...(sealed === undefined ? [] : [auditLogHealth(sealed)]),
    ...(rotation === undefined ? [] : [keyRotationHealth(rotation)]),
  ]);
}

/** All of them have one configuration, or soon will. */
function noteOf(workers: readonly WorkerLook[], component: string): string | undefined {
  const components = workers.flatMap(({ state }) => state?.components ?? []);
  return components.find(({ name, note }) => name === component && note !== undefined)?.note;
}

/** Well when each of them serves: before they take over from others. */
export function healthOfEach(workers: readonly WorkerLook[]): Health {
  return new Health(
    workers.map((worker) => ({ name: `worker ${worker.number}`, fault: () => reasonOf(worker) })),
  );
}

function reasonOf({ number, state }: WorkerLook): string | undefined {
  if (state === undefined) return `worker ${number} does not run`;
  if (state.serving) return undefined;
  const faults = state.components.flatMap(({ name, fault }) =>
    fault === undefined ? [] : [`${name}: ${fault}`],
  );
  return `worker ${number}: ${faults.join(', ')}`;
}

/** The facts of one worker, as a single process would tell them, and beside them what is said of each. */
async function describe(workers: readonly WorkerLook[]): Promise<Readonly<Record<string, unknown>>> {
  const facts = await Promise.all(workers.map((worker) => worker.ask('status')));
  const told = workers.map((worker, at) => ({
    worker: worker.number,
    pid: worker.pid,
    serving: worker.state?.serving ?? false,
    reason: reasonOf(worker),
    replacements: worker.replacements,
    configuration: (facts[at] as { readonly configuration?: unknown } | undefined)?.configuration,
  }));
  const first = facts.find((one) => one !== undefined) as Readonly<Record<string, unknown>> | undefined;
  return { ...first, workers: told };
}

function ownMetrics(
  workers: readonly WorkerLook[],
  { lostLogLines = () => 0, sealed, rotation }: OwnLooks,
): Registry {
  const registry = new Registry();
  const registers = [registry];
  addLogMetrics(registry, lostLogLines);
  if (sealed !== undefined) addAuditLogMetrics(registry, sealed);
  if (rotation !== undefined) addKeyRotationMetrics(registry, rotation, systemClock.nowMs);
  new Gauge({
    name: 'countersign_worker_serving',
    help: '1 while the worker serves.',
    labelNames: ['worker'],
    registers,
    collect() {
      for (const { number, state } of workers) this.set({ worker: number }, state?.serving ? 1 : 0);
    },
  });
  new Counter({
    name: 'countersign_worker_replacements_total',
    help: 'Processes that came in the place of a dead worker.',
    labelNames: ['worker'],
    registers,
    collect() {
      this.reset();
      for (const { number, replacements } of workers) this.inc({ worker: number }, replacements);
    },
  });
  return registry;
}

/** What `Registry.getMetricsAsJSON` gives. */
export type MetricsJson = readonly MetricObjectWithValues<MetricValue<string>>[];

/** Asks one process; undefined when it does not answer. */
type AskMetrics = () => Promise<MetricsJson | undefined>;

/** Gauges tell of what is there now, and a dead process is not. prom-client's JSON has words for types. */
const KINDS_THAT_STAY: ReadonlySet<unknown> = new Set(['counter', 'histogram']);

/**
 * The metrics of several processes as one scrape. What a process had counted when it was last asked goes on
 * counting after its death: a sum that fell would look to Prometheus like a restart, and be added twice.
 */
export class MergedMetrics {
  readonly contentType: Registry['contentType'];
  readonly #own: Registry;
  readonly #processes: ReadonlyMap<number, AskMetrics>;
  readonly #last = new Map<number, MetricsJson>();
  #departed: MetricsJson = [];

  /** `own`: metrics of the process that merges. */
  constructor(own: Registry, processes: ReadonlyMap<number, AskMetrics>) {
    this.contentType = own.contentType;
    this.#own = own;
    this.#processes = processes;
  }

  /** The scrape. A process that does not answer in time is shown as it was. */
  async metrics(): Promise<string> {
    await Promise.all([...this.#processes].map(([number, ask]) => this.#ask(number, ask)));
    const own = await this.#own.getMetricsAsJSON();
    return merged([...this.#last.values(), this.#departed, own]).metrics();
  }

  /** The process of this number is dead; another one may come in its place. */
  departed(number: number): void {
    const last = this.#last.get(number) ?? [];
    this.#last.delete(number);
    const staying = last.filter(({ type }) => KINDS_THAT_STAY.has(type));
    this.#departed = merged([this.#departed, staying]).getMetricsAsArray() as unknown as MetricsJson;
  }

  async #ask(number: number, ask: AskMetrics): Promise<void> {
    const answer = await ask();
    if (answer !== undefined) this.#last.set(number, answer);
  }
}

function merged(parts: readonly MetricsJson[]): Registry {
  return AggregatorRegistry.aggregate([...parts]);
}
