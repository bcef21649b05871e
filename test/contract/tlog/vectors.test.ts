/** Trees of ours against golang.org/x/mod's tlog: roots, inclusion and consistency proofs, and the paths of tiles. */
import { describe, expect, test } from '@jest/globals';
import { encodeBase64 } from '../../../src/crypto/bytes.js';
import { leafHash } from '../../../src/tlog/merkle.js';
import {
  consistencyProof,
  inclusionProof,
  rootFromTiles,
  type TileReader,
} from '../../../src/tlog/proofs.js';
import { parseTilePath, tilePath } from '../../../src/tlog/tile-paths.js';
import { TreeEdge } from '../../../src/tlog/tree-edge.js';
import { treeVectors } from '../../support/log-oracle.js';

const SIZES = [0, 1, 2, 3, 5, 8, 100, 255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, 70_000];

const edge = new TreeEdge();
const tiles = new Map<string, Buffer>();

/** Grows the one tree to a size, with all of its tiles. */
function growTo(size: number): TileReader {
  while (edge.size < size)
    for (const { level, index, width, hashes } of edge.append(leafHash(Buffer.from(`record ${edge.size}`))))
      tiles.set(tilePath(level, index, width), hashes);
  for (const { level, index, width, hashes } of edge.partialTiles())
    tiles.set(tilePath(level, index, width), hashes);
  return {
    tile: ({ level, index, width }) =>
      Promise.resolve(tiles.get(tilePath(level, index, width)) ?? Buffer.alloc(0)),
  };
}

describe('a tree, as golang.org/x/mod makes it', () => {
  test.each(treeVectors(SIZES).map((vector) => [vector.size, vector] as const))(
    'of %d records',
    async (size, vector) => {
      const reader = growTo(size);
      expect(encodeBase64(edge.root())).toBe(vector.root);
      expect(encodeBase64(await rootFromTiles(reader, size))).toBe(vector.root);
      for (const [index, proof] of Object.entries(vector.records))
        expect((await inclusionProof(reader, Number(index), size)).map(encodeBase64)).toEqual(proof);
      for (const [older, proof] of Object.entries(vector.trees))
        expect((await consistencyProof(reader, Number(older), size)).map(encodeBase64)).toEqual(proof);
      // Its last tiles are ours; of earlier ones only the full ones are asked for.
      expect(vector.tiles.filter((path) => !tiles.has(path))).toEqual([]);
    },
  );

  test('with tiles far out at their paths', () => {
    expect(tilePath(3, 1_234_067)).toBe('tile/3/x001/x234/067');
    expect(parseTilePath('tile/3/x001/x234/067')).toEqual({
      kind: 'tile',
      level: 3,
      index: 1_234_067,
      width: 256,
    });
  });
});
