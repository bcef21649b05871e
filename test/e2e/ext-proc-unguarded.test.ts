/**
 * An ext_proc filter with nothing behind it, as gateways have: Envoy passes on headers with trailers and no data between
 * them without waiting for a word on the body, so such a request must not get as far as that word.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { PATHS } from '../../tools/local-federation/bodies.js';
import { until } from '../support/until.js';
import { envoyOfLine, type EnvoyLine } from './support/envoy-line.js';
import { expectAllowed, expectRefusal } from './support/expectations.js';
import { throughExtProc } from './support/front.js';
import { PROTOCOLS, removing, type HeaderLine } from './support/outgoing.js';
import { headersFrame, sendFrames } from './support/raw-http2.js';
import { signedBytes, telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

const TELEMETRY: readonly HeaderLine[] = [
  [':method', 'POST'],
  [':scheme', 'https'],
  [':authority', 'localhost'],
  [':path', PATHS.telemetry],
];
const TRAILERS: readonly HeaderLine[] = [['x-trailer', '1']];

/** Takes the guard away: the one filter for access control. */
function withoutGuard(bootstrap: string): string {
  const text = JSON.stringify(parse(bootstrap), (_, value: unknown) =>
    Array.isArray(value)
      ? value.filter((each) => (each as { name?: string } | null)?.name !== 'envoy.filters.http.rbac')
      : value,
  );
  expect(text).not.toBe(JSON.stringify(parse(bootstrap)));
  return stringify(JSON.parse(text));
}

describe.each<EnvoyLine>(['current', '1.36'])('Envoy %s', (line) => {
  let stage: Stage;
  let world: World;
  beforeAll(async () => {
    stage = await Stage.open({
      envoyBinary: envoyOfLine(line),
      patchConfiguration: (document) => throughExtProc(worldConfiguration(document)),
      patchBootstrap: withoutGuard,
    });
    world = worldOf(stage.federation.credentials);
    // The verifier is to know nothing of an Envoy that it has rendered.
    const file = stage.federation.layout.configurationFile;
    const document = parse(readFileSync(file, 'utf8')) as ConfigurationDocument;
    writeFileSync(file, stringify({ ...document, envoy: undefined }), { mode: 0o600 });
    await stage.federation.interrupt('verifier');
    await stage.federation.resume('verifier');
    await until(
      'the verifier is asked',
      async () => (await stage.send('HTTP/2', telemetry({ by: world.a }))).status === 202,
    );
  }, 180_000);
  afterAll(() => stage.close(), 90_000);

  const LENGTHS: readonly (readonly HeaderLine[])[] = [
    [],
    [['content-length', '0']],
    [['content-length', '00']],
    [['content-length', '5']],
  ];
  test.each(LENGTHS.map((lines) => [JSON.stringify(lines), lines] as const))(
    'headers and trailers alone reach nobody: %s',
    async (_title, lines) => {
      for (const { headers } of [telemetry({ by: world.a }), { headers: [] }]) {
        const own = headers.map(([name, value]): HeaderLine => [name.toLowerCase(), value]);
        const plain = own.filter(([name]) => name !== 'content-length');
        const spoofed: HeaderLine = ['x-countersign-identity', world.a.identity];
        const seen = await stage.watch(() =>
          sendFrames(stage.door, world.a, [
            headersFrame([...TELEMETRY, ...plain, spoofed, ...lines], false),
            headersFrame(TRAILERS, true),
          ]),
        );
        expect(seen.arrivals).toEqual([]);
        expect(seen.records.filter(({ code }) => code === 'allow')).toEqual([]);
      }
    },
  );

  test.each(PROTOCOLS)('over %s an announced body passes, another one is refused', async (protocol) => {
    const outgoing = telemetry({ by: world.a });
    expectAllowed(await stage.exchange(protocol, outgoing), outgoing, 202);
    const unannounced = { ...telemetry({ by: world.a }), framing: 'unannounced' as const };
    expectRefusal(await stage.exchange(protocol, unannounced), {
      status: 413,
      client: 'body_not_accepted',
      audit: 'body_not_whole',
    });
    const empty = { ...signedBytes({ by: world.a }, '/notes', Buffer.alloc(0)), framing: 'none' as const };
    const { records } = await stage.exchange(protocol, removing(empty, 'Content-Length'));
    expect(records.map(({ code }) => code)).not.toContain('body_not_whole');
  });
});
