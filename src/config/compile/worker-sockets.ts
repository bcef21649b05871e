/** Where each worker listens, so that supervisor, workers and Envoy agree without asking each other. */
import { join, parse } from 'node:path';
import type { ServerSettings } from '../settings.js';

/**
 * The sockets of all workers, in their order: `listen.socket` itself of one alone, else `verifier-0.sock`,
 * `verifier-1.sock`, … beside it. Absolute paths.
 */
export function workerSocketPaths({ listen, workers }: Pick<ServerSettings, 'listen' | 'workers'>): string[] {
  const { socketPath } = listen;
  if (workers === 1) return [socketPath];
  const { dir, name, ext } = parse(socketPath);
  return Array.from({ length: workers }, (_, worker) => join(dir, `${name}-${worker}${ext}`));
}
