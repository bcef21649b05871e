/** What our part of a pod is, whichever way it came there, so that the ways can be compared. */
import { isDeepStrictEqual } from 'node:util';
import type { Container, PodSpec, Volume } from './manifests.js';

/** Of our containers and volumes. */
export interface Sidecars {
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
}

const CONTAINERS = ['envoy-files', 'verifier', 'envoy'];
const VOLUMES = [
  ...['audit-key', 'audit-log', 'config', 'envoy-config', 'feedback-keys'],
  ...['no-token', 'redis', 'socket', 'state', 'tls', 'tls-public'],
].map((name) => `verifier-${name}`);

/**
 * In one order, as lists of mounts and volumes have none, and without what an API server adds by itself. What is in them in
 * a place of Kubernetes' own defaults is left out of every one of them.
 */
export function sidecarsOf({ initContainers = [], volumes = [] }: PodSpec): Sidecars {
  const containers = initContainers.filter(({ name }) => CONTAINERS.includes(name));
  return {
    containers: containers.map((container) => {
      const mounts = [...(container.volumeMounts ?? [])];
      const sorted = mounts.sort((a, b) => a.mountPath.localeCompare(b.mountPath));
      return { ...(withoutDefaults(container) as Container), volumeMounts: sorted };
    }),
    volumes: volumes
      .filter(({ name }) => VOLUMES.includes(name))
      .map((volume) => withoutDefaults(volume) as Volume)
      .sort((a, b) => a.name.localeCompare(b.name)),
  };
}

/** What the API server writes where nothing is said; the same value, said, means the same. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  imagePullPolicy: 'IfNotPresent',
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
  protocol: 'TCP',
  scheme: 'HTTP',
  successThreshold: 1,
  timeoutSeconds: 1,
  volumeMode: 'Filesystem',
  metadata: {},
};

function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key, each]) => !isDeepStrictEqual(DEFAULTS[key], each));
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutDefaults(each)]));
}
