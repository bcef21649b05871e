/** From a container of a pod to the cell that it runs in: its image, its volumes, its user. */
import { join } from 'node:path';
import type { CellOptions, Mount } from '../../container/support/cell.js';
import type { CellImage } from './images.js';
import type { Container, PodSpec } from './manifests.js';
import { layVolume, type Objects } from './volumes.js';

/** A pod's volumes, and what is in them. */
export interface PodVolumes {
  readonly spec: PodSpec;
  readonly objects: Objects;
  /** A folder for them. */
  readonly place: string;
}

/** Lays every volume of the pod, or swaps the content of the one that is named. */
export function layVolumes({ spec, objects, place }: PodVolumes, name?: string): void {
  for (const volume of spec.volumes ?? [])
    if (name === undefined || volume.name === name)
      layVolume(folderOf(place, volume.name), volume, objects, spec.securityContext!.fsGroup!);
}

/** The cell for a command in that container. */
export function containerCell(
  { spec, place }: PodVolumes,
  container: Container,
  image: CellImage,
  command: readonly string[],
): CellOptions {
  const security = { ...spec.securityContext, ...container.securityContext };
  const volumes = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly = false }): Mount => ({
    source: folderOf(place, name),
    target: mountPath,
    readOnly,
  }));
  return {
    root: image.root,
    mounts: [...image.mounts, ...volumes],
    user: security.runAsUser!,
    group: security.runAsGroup ?? 0,
    groups: [security.fsGroup!],
    command,
  };
}

function folderOf(place: string, volume: string): string {
  return join(place, 'volumes', volume);
}
