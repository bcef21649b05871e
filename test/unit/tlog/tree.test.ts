/** Trees in tiles against RFC 6962's own recursion: roots, proofs, and every single bit of a proof that matters. */
import { describe, expect, test } from '@jest/globals';
import { EMPTY_ROOT, leafHash, nodeHash } from '../../../src/tlog/merkle.js';
import {
  consistencyProof,
  inclusionProof,
  isConsistent,
  rootFromInclusion,
  rootFromTiles,
  type TileReader,
} from '../../../src/tlog/proofs.js';
import {
  entriesPath,
  parseTilePath,
  partialTilesOf,
  tileIn,
  tilePath,
} from '../../../src/tlog/tile-paths.js';
import { TreeEdge } from '../../../src/tlog/tree-edge.js';

const leaves = Array.from({ length: 70_000 }, (_, at) => leafHash(Buffer.from(`record ${at}`)));

/** RFC 6962 §2.1, word for word. */
function root(lo: number, hi: number): Buffer {
  if (lo === hi) return EMPTY_ROOT;
  const [only] = leaves.slice(lo, hi);
  if (hi - lo === 1 && only !== undefined) return only;
  let split = 1;
  while (split * 2 < hi - lo) split *= 2;
  return nodeHash(root(lo, lo + split), root(lo + split, hi));
}

/** A tree of so many leaves, in tiles. */
function grown(size: number): {
  readonly edge: TreeEdge;
  readonly reader: TileReader;
  readonly tiles: Map<string, Buffer>;
} {
  const edge = new TreeEdge();
  const tiles = new Map<string, Buffer>();
  for (const leaf of leaves.slice(0, size))
    for (const { level, index, width, hashes } of edge.append(leaf))
      tiles.set(tilePath(level, index, width), hashes);
  for (const { level, index, width, hashes } of edge.partialTiles())
    tiles.set(tilePath(level, index, width), hashes);
  const tile: TileReader['tile'] = ({ level, index, width }) => {
    const hashes = tiles.get(tilePath(level, index, width));
    return hashes === undefined
      ? Promise.reject(new Error(tilePath(level, index, width)))
      : Promise.resolve(hashes);
  };
  return { edge, tiles, reader: { tile } };
}

const SIZES = [0, 1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537, 70_000];

describe('a tree in tiles', () => {
  test.each(SIZES)(
    'of %d leaves has the root of RFC 6962, and continues from its partial tiles',
    async (size) => {
      const { edge, reader, tiles } = grown(size);
      expect(edge.root()).toEqual(root(0, size));
      expect(await rootFromTiles(reader, size)).toEqual(root(0, size));
      const again = TreeEdge.at(
        size,
        ({ level, index, width }) => tiles.get(tilePath(level, index, width)) ?? Buffer.alloc(0),
      );
      const [next] = leaves.slice(size);
      if (next === undefined) return;
      again.append(next);
      expect(again.root()).toEqual(root(0, size + 1));
    },
  );

  test('proves each leaf that it has, and no other one', async () => {
    for (const size of [1, 2, 7, 256, 257, 600, 66_000]) {
      const { reader } = grown(size);
      for (const index of [0, 1, 2, 5, 255, 256, 599, 65_535, 65_999].filter((at) => at < size)) {
        const proof = await inclusionProof(reader, index, size);
        const leaf = leaves[index] ?? EMPTY_ROOT;
        expect(rootFromInclusion(leaf, index, size, proof)).toEqual(root(0, size));
        expect(rootFromInclusion(EMPTY_ROOT, index, size, proof)).not.toEqual(root(0, size));
        expect(rootFromInclusion(leaf, index, size, [...proof, EMPTY_ROOT])).toBeUndefined();
        if (proof.length > 0) expect(rootFromInclusion(leaf, index, size, proof.slice(1))).toBeUndefined();
      }
    }
  });

  test('proves that it continues an earlier one', async () => {
    const sizes = [...Array.from({ length: 40 }, (_, at) => at), 255, 256, 257, 300, 599, 600];
    for (const size of sizes) {
      const { reader } = grown(size);
      for (const from of sizes.filter((each) => each <= size)) {
        const proof = await consistencyProof(reader, from, size);
        const older = { size: from, root: root(0, from) };
        const newer = { size, root: root(0, size) };
        expect([from, size, isConsistent(older, newer, proof)]).toEqual([from, size, true]);
        expect(isConsistent({ ...older, root: leafHash(Buffer.from('other')) }, newer, proof)).toBe(false);
        // Everything continues the empty tree.
        if (from > 0)
          expect(isConsistent(older, { ...newer, root: leafHash(Buffer.from('other')) }, proof)).toBe(false);
        expect(isConsistent(older, newer, [...proof, EMPTY_ROOT])).toBe(false);
      }
    }
  });
});

describe('the path of a tile', () => {
  test('has groups of three digits, and is read as it is written', () => {
    expect(tilePath(0, 1_234_067)).toBe('tile/0/x001/x234/067');
    expect(entriesPath(5, 17)).toBe('tile/entries/005.p/17');
    expect(parseTilePath('tile/0/x001/x234/067')).toEqual({
      kind: 'tile',
      level: 0,
      index: 1_234_067,
      width: 256,
    });
    expect(parseTilePath('tile/entries/005.p/17')).toEqual({ kind: 'entries', index: 5, width: 17 });
  });

  test.each([
    'tile/0/5',
    'tile/0/x000/005',
    'tile/00/005',
    'tile/64/005',
    'tile/0/005.p/256',
    'tile/0/005.p/0',
    'tile/0/005.p/01',
    '/tile/0/005',
    'tile/entries/../005',
  ])('is not %s', (path) => expect(parseTilePath(path)).toBeUndefined());

  test('says which tiles are partial', () => {
    expect(partialTilesOf(70_000)).toEqual([
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ]);
    expect(partialTilesOf(256)).toEqual([{ level: 1, index: 0, width: 1 }]);
    expect(tileIn(70_000, 0, 272)).toEqual({ level: 0, index: 272, width: 256 });
    expect(tileIn(70_000, 0, 274)).toBeUndefined();
  });
});
