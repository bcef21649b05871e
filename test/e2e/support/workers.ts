/** Several workers as the admin port of their supervisor shows them, and each by its own number. */
import { existsSync } from 'node:fs';
import { fetchPage } from '../../../tools/local-federation/health.js';
import type { StageOptions, Stage } from './stage.js';

/** A worker in `/status`. */
export interface WorkerStatus {
  readonly worker: number;
  readonly pid?: number;
  readonly serving: boolean;
  readonly replacements: number;
  readonly configuration?: { readonly generation: number };
}

/** The federation with so many workers. */
export function withWorkers(workers: number, more: StageOptions = {}): StageOptions {
  const { patchConfiguration } = more;
  return {
    ...more,
    patchConfiguration: (document) => ({ ...(patchConfiguration?.(document) ?? document), workers }),
  };
}

/** What the supervisor says of each. */
export async function workersOf(stage: Stage): Promise<readonly WorkerStatus[]> {
  const { body } = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/status`);
  return (JSON.parse(body) as { workers: readonly WorkerStatus[] }).workers;
}

/** The process of a worker. Throws when it does not run. */
export async function workerPid(stage: Stage, number: number): Promise<number> {
  const pid = (await workersOf(stage)).find(({ worker }) => worker === number)?.pid;
  if (pid === undefined) throw new Error(`worker ${number} does not run`);
  return pid;
}

/** Whether a process of this number is there; nothing is sent to it. */
export function runs(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** How many of the verifier's sockets Envoy takes for healthy. */
export async function healthySockets(stage: Stage): Promise<number> {
  const hosts = await hostsOf(stage);
  return hosts.filter(({ health_status }) => health_status.failed_active_health_check !== true).length;
}

/** Requests that Envoy has sent to each of the verifier's sockets, by the socket's path. */
export async function requestsBySocket(stage: Stage): Promise<ReadonlyMap<string, number>> {
  return new Map(
    (await hostsOf(stage)).map(({ address, stats }) => [
      address.pipe.path,
      Number(stats.find(({ name }) => name === 'rq_total')?.value ?? 0),
    ]),
  );
}

/** The same of each port, where Envoy comes by TCP. */
export async function requestsByPort(stage: Stage): Promise<ReadonlyMap<number, number>> {
  return new Map(
    (await hostsOf(stage)).map(({ address, stats }) => [
      address.socket_address.port_value,
      Number(stats.find(({ name }) => name === 'rq_total')?.value ?? 0),
    ]),
  );
}

async function hostsOf(stage: Stage): Promise<readonly HostStatus[]> {
  const { body } = await fetchPage(
    `${stage.federation.environment.COUNTERSIGN_ENVOY_ADMIN_URL}/clusters?format=json`,
  );
  const { cluster_statuses } = JSON.parse(body) as { cluster_statuses: readonly ClusterStatus[] };
  return cluster_statuses.find(({ name }) => name === 'verifier')?.host_statuses ?? [];
}

interface ClusterStatus {
  readonly name: string;
  readonly host_statuses?: readonly HostStatus[];
}

interface HostStatus {
  /** One of them. */
  readonly address: {
    readonly pipe: { readonly path: string };
    readonly socket_address: { readonly port_value: number };
  };
  readonly health_status: { readonly failed_active_health_check?: boolean };
  readonly stats: readonly { readonly name: string; readonly value?: string }[];
}
