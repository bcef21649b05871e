/** A place for a federation's files that goes away with the test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { layoutOf, makeFolders, type Layout } from '../../../tools/local-federation/layout.js';

/** Gives every test of the surrounding block a fresh layout; `before` runs ahead of its removal. */
export function temporaryPlace(
  before: (layout: Layout) => Promise<unknown> = () => Promise.resolve(),
): () => Layout {
  let layout: Layout;
  beforeEach(() => {
    layout = layoutOf(mkdtempSync(join(tmpdir(), 'federation-')));
    makeFolders(layout);
  });
  afterEach(async () => {
    await before(layout);
    rmSync(layout.directory, { recursive: true, force: true });
  });
  return () => layout;
}
