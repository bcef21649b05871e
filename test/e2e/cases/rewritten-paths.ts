/** What Envoy makes of each character of a path, held against what the loader says of a configured one. */
import { configuredPathFault } from '../../../src/config/compile/routes.js';
import type { Stage } from '../support/stage.js';
import { worldOf } from '../support/world.js';

/** Printable ASCII but `?` and `#`, which end a path; raw and escaped. */
const CHARACTERS = Array.from({ length: 0x5e }, (_, index) => 0x21 + index).filter(
  (code) => !'?#'.includes(String.fromCharCode(code)),
);
const SPELLINGS = CHARACTERS.flatMap((code) => [
  String.fromCharCode(code),
  `%${code.toString(16)}`,
  `%${code.toString(16).toUpperCase()}`,
]);
/** These arrive as they are, but whoever configures one means a pattern, or would be refused for it. */
const OURS = /^%$|[*:;]|%3b/i;

/** Whether the loader takes the path for one that a request can have. */
function loaderTakes(path: string): boolean {
  return configuredPathFault(path, false) === undefined;
}

/** The route `raw` of the world takes every path, so that what arrives is Envoy's work alone. */
export function describeRewrittenPaths(stage: () => Stage): void {
  test('a configured path is refused exactly when Envoy makes another one of it', async () => {
    const { a } = worldOf(stage().federation.credentials);
    const paths = SPELLINGS.map((spelling, index) => `/raw/${index}/${spelling}x`);
    const request = { over: a, method: 'GET', headers: [], body: Buffer.alloc(0), framing: 'none' } as const;
    for (let from = 0; from < paths.length; from += 50)
      await Promise.all(
        paths.slice(from, from + 50).map((path) => stage().send('HTTP/2', { ...request, path })),
      );
    const arrived = new Set((await stage().arrivals()).map(({ path }) => path));
    const judged = paths.filter((_, index) => !OURS.test(SPELLINGS[index] ?? ''));
    expect(judged.filter((path) => loaderTakes(path))).toEqual(judged.filter((path) => arrived.has(path)));
    expect(paths.filter((path) => loaderTakes(path) && !arrived.has(path))).toEqual([]);
  });
}
