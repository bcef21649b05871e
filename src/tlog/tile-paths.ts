/** The names of tiles and entry bundles (C2SP tlog-tiles, "Merkle Tree" and "Log Entries"), relative to the log. */
import { LEVELS_PER_TILE, TILE_WIDTH } from './merkle.js';

/** One tile: `width` hashes of level `level`, in units of tiles; fewer than 256 in the last one of a level. */
export interface TileName {
  readonly level: number;
  readonly index: number;
  readonly width: number;
}

/** What a path of a log names. */
export type LogFile =
  | ({ readonly kind: 'tile' } & TileName)
  | { readonly kind: 'entries'; readonly index: number; readonly width: number };

const MAX_LEVEL = 63;

/** `tile/<L>/<N>`, with `.p/<W>` when partial. */
export function tilePath(level: number, index: number, width = TILE_WIDTH): string {
  return `tile/${level}/${numberPath(index)}${partialSuffix(width)}`;
}

/** `tile/entries/<N>`, with `.p/<W>` when partial. */
export function entriesPath(index: number, width = TILE_WIDTH): string {
  return `tile/entries/${numberPath(index)}${partialSuffix(width)}`;
}

/** Groups of three digits, all but the last with a leading `x`: 1234067 is `x001/x234/067`. */
function numberPath(index: number): string {
  const digits = String(index);
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.../g) ?? [];
  return groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/');
}

function partialSuffix(width: number): string {
  return width === TILE_WIDTH ? '' : `.p/${width}`;
}

const PATH = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;

/** What a path names; undefined when it is not the one path of a tile or bundle. */
export function parseTilePath(path: string): LogFile | undefined {
  const [, level = '', groups = '', partial] = PATH.exec(path) ?? [];
  if (groups === '') return undefined;
  const index = Number(groups.replaceAll(/[x/]/g, ''));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  if (!Number.isSafeInteger(index) || numberPath(index) !== groups) return undefined;
  if (partial !== undefined && width >= TILE_WIDTH) return undefined;
  if (level === 'entries') return { kind: 'entries', index, width };
  return Number(level) > MAX_LEVEL ? undefined : { kind: 'tile', level: Number(level), index, width };
}

/** Hashes of a level, in units of tiles, that a tree of `size` leaves has. */
export function hashesOfLevel(size: number, level: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

/** The tile at a place of a tree, as wide as a tree of this size has it; undefined when it has none there. */
export function tileIn(size: number, level: number, index: number): TileName | undefined {
  const width = Math.min(TILE_WIDTH, hashesOfLevel(size, level) - index * TILE_WIDTH);
  return width > 0 ? { level, index, width } : undefined;
}

/** The partial tiles at the right edge of a tree of this size, lowest level first. */
export function partialTilesOf(size: number): TileName[] {
  const tiles: TileName[] = [];
  for (let level = 0; level * LEVELS_PER_TILE < 53 && TILE_WIDTH ** level <= size; level++) {
    const hashes = hashesOfLevel(size, level);
    const width = hashes % TILE_WIDTH;
    if (width > 0) tiles.push({ level, index: Math.floor(hashes / TILE_WIDTH), width });
  }
  return tiles;
}
