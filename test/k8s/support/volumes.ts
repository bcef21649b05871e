/**
 * Volumes as the kubelet lays them (pkg/volume/util/atomic_writer.go): the files in a folder with a time in its
 * name, `..data` as a link to it that is swapped by a rename, and a link to `..data/NAME` for each file. With an
 * fsGroup everything belongs to that group, may be read by it, and folders are set-group-id.
 */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  existsSync,
  readlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Manifest, Volume, VolumeSource } from './manifests.js';

/** Where the content of a ConfigMap or Secret comes from: `ConfigMap/name` or `Secret/name` → file → content. */
export type Objects = Map<string, Map<string, string>>;

/** The ConfigMaps of an overlay. */
export function objectsOf(manifests: readonly Manifest[]): Objects {
  const maps = manifests.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Secret');
  return new Map(
    maps.map(({ kind, metadata, data = {} }) => [`${kind}/${metadata.name}`, new Map(Object.entries(data))]),
  );
}

/**
 * The same with a clock window of [120 s, 5 s]: a new store refuses for as long as the window reaches ahead, and a test
 * need not sit out the 30 s of the manifests each time.
 */
export function withNarrowFuture(objects: Objects): Objects {
  const files =
    objects.get('ConfigMap/countersign-config') ?? missing('ConfigMap/countersign-config', 'file');
  const text = files.get('countersign.yaml') ?? missing('ConfigMap/countersign-config', 'countersign.yaml');
  const freshness = 'freshness: { pastSkewSeconds: 120, futureSkewSeconds: 5 }';
  const narrow = new Map([...files, ['countersign.yaml', `${text}\n${freshness}\n`]]);
  return new Map([...objects, ['ConfigMap/countersign-config', narrow]]);
}

const GROUP_MAY_READ = 0o440;
const DEFAULT_MODE = 0o644;

/** Lays a volume at `folder`, or swaps its content for what the objects say now. */
export function layVolume(folder: string, volume: Volume, objects: Objects, fsGroup: number): void {
  const { emptyDir, ephemeral, persistentVolumeClaim } = volume;
  if ((emptyDir ?? ephemeral ?? persistentVolumeClaim) === undefined)
    laySwapped(folder, volume, objects, fsGroup);
  else layEmpty(folder, fsGroup);
}

function laySwapped(folder: string, volume: Volume, objects: Objects, fsGroup: number): void {
  const mode = modeOf(volume) | GROUP_MAY_READ;
  const files = filesOf(volume, objects);
  const stamp = `..${process.hrtime.bigint()}`;
  makeFolder(folder, fsGroup);
  makeFolder(join(folder, stamp), fsGroup);
  for (const [name, content] of files) {
    const file = join(folder, stamp, name);
    writeFileSync(file, content);
    chownSync(file, 0, fsGroup);
    chmodSync(file, mode);
  }
  swap(folder, stamp);
  for (const name of files.keys())
    if (!existsSync(join(folder, name))) symlinkSync(join('..data', name), join(folder, name));
}

function layEmpty(folder: string, fsGroup: number): void {
  mkdirSync(folder, { recursive: true });
  chownSync(folder, 0, fsGroup);
  chmodSync(folder, 0o2777);
}

function makeFolder(folder: string, fsGroup: number): void {
  mkdirSync(folder, { recursive: true });
  chownSync(folder, 0, fsGroup);
  chmodSync(folder, 0o2755);
}

function swap(folder: string, stamp: string): void {
  const link = join(folder, '..data');
  const before = existsSync(link) ? readlinkSync(link) : undefined;
  symlinkSync(stamp, `${link}_tmp`);
  renameSync(`${link}_tmp`, link);
  if (before !== undefined) rmSync(join(folder, before), { recursive: true });
}

function modeOf({ secret, configMap, projected }: Volume): number {
  return (secret ?? configMap ?? projected)?.defaultMode ?? DEFAULT_MODE;
}

function filesOf({ secret, configMap, projected }: Volume, objects: Objects): Map<string, string> {
  const sources = projected?.sources ?? [{ ...(secret && { secret }), ...(configMap && { configMap }) }];
  return new Map(
    sources.flatMap((source) => [
      ...chosen('Secret', source.secret, objects),
      ...chosen('ConfigMap', source.configMap, objects),
    ]),
  );
}

function chosen(kind: string, source: VolumeSource | undefined, objects: Objects): [string, string][] {
  if (source === undefined) return [];
  const name = `${kind}/${source.secretName ?? source.name}`;
  const data = objects.get(name);
  if (data === undefined && source.optional === true) return [];
  if (data === undefined) throw new Error(`a volume wants ${name}, which nobody made`);
  if (source.items === undefined) return [...data];
  return source.items.map(({ key, path }) => [path, data.get(key) ?? missing(name, key)]);
}

function missing(name: string, key: string): never {
  throw new Error(`${name} has no ${key}`);
}
