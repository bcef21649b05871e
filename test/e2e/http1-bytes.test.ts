/** HTTP/1.1 byte by byte: framings, lines and targets that lie or contradict each other. */
import { PATHS } from '../../tools/local-federation/bodies.js';
import { arrivalOf, values } from './support/arrivals.js';
import { expectRefusedUnasked } from './support/expectations.js';
import { FRONTS, through } from './support/front.js';
import { sendBytes } from './support/http1-client.js';
import { headerOf, type Outgoing } from './support/outgoing.js';
import { telemetry } from './support/requests.js';
import { Stage, type Seen } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

describe.each(FRONTS)('HTTP/1.1 as no library would write it, judged by way of %s', (front) => {
  let stage: Stage;
  let world: World;

  beforeAll(async () => {
    stage = await Stage.open({
      patchConfiguration: (document) => through(front, worldConfiguration(document)),
    });
    world = worldOf(stage.federation.credentials);
  }, 120_000);
  afterAll(() => stage.close(), 90_000);

  const line = (...lines: string[]): Buffer => Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const raw = (...pieces: Buffer[]): Promise<Seen> =>
    stage.watch(() => sendBytes(stage.door, world.a, pieces));
  const headersOf = ({ headers }: Outgoing): string[] => headers.map(([name, value]) => `${name}: ${value}`);

  test('HTTP/1.0 is told to upgrade', async () => {
    expectRefusedUnasked(
      await raw(line(`GET ${PATHS.telemetry} HTTP/1.0`, 'Host: localhost')),
      426,
      'upgrade_required',
    );
  });

  test('a request without Host is refused', async () => {
    expectRefusedUnasked(await raw(line(`GET ${PATHS.telemetry} HTTP/1.1`)), 400, 'bad_request');
  });

  test('both Content-Length and Transfer-Encoding are refused', async () => {
    const outgoing = telemetry({ by: world.a });
    const head = line(
      `POST ${PATHS.telemetry} HTTP/1.1`,
      'Host: localhost',
      ...headersOf(outgoing),
      `Content-Length: ${outgoing.body.length}`,
      'Transfer-Encoding: chunked',
    );
    const chunk = Buffer.concat([
      Buffer.from(`${outgoing.body.length.toString(16)}\r\n`),
      outgoing.body,
      Buffer.from('\r\n0\r\n\r\n'),
    ]);
    expectRefusedUnasked(await raw(Buffer.concat([head, chunk])), 400, 'bad_request');
  });

  test.each([
    'Content-Length: +5',
    'Content-Length: 5, 5',
    'Content-Length: 0x5',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: identity',
  ])('the framing "%s" never lets a second request through', async (framing) => {
    const smuggled = `GET /portal/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const head = line(`POST ${PATHS.telemetry} HTTP/1.1`, 'Host: localhost', framing);
    const seen = await raw(Buffer.concat([head, Buffer.from(`0\r\n\r\n${smuggled}`)]));
    expect(seen.answer.status).not.toBe(202);
    expect(seen.arrivals.map(({ path }) => path)).not.toContain(PATHS.telemetry);
  });

  test.each([
    ['a header with a space before its colon', 'X-Telemetry-Nonce : spaced-nonce-01'],
    ['a zero byte in a header', 'X-Note: a\0b'],
    ['a header name with a byte outside ASCII', 'X-N\xf6te: a'],
  ])('%s is refused', async (_how, text) => {
    const seen = await raw(
      line(`POST ${PATHS.telemetry} HTTP/1.1`, 'Host: localhost', text, 'Content-Length: 0'),
    );
    expectRefusedUnasked(seen, 400, 'bad_request');
  });

  test('a folded nonce is read as one value, with a space in it', async () => {
    const lines = headersOf(telemetry({ by: world.a })).map((text) =>
      text.replace(/^(X-Telemetry-Nonce: .{8})/, '$1\r\n '),
    );
    const seen = await raw(
      line(`POST ${PATHS.telemetry} HTTP/1.1`, 'Host: localhost', ...lines, 'Content-Length: 0'),
    );
    expect([seen.answer.status, seen.records[0]?.code, seen.arrivals]).toEqual([401, 'header_malformed', []]);
  });

  test('more headers than anyone needs are refused', async () => {
    const many = Array.from({ length: 120 }, (_, index) => `X-Note-${index}: 1`);
    expectRefusedUnasked(
      await raw(line(`GET ${PATHS.telemetry} HTTP/1.1`, 'Host: localhost', ...many)),
      431,
      'headers_not_accepted',
    );
  });

  test('a header of 40,000 bytes is refused', async () => {
    const seen = await raw(
      line(`GET ${PATHS.telemetry} HTTP/1.1`, 'Host: localhost', `X-Note: ${'n'.repeat(40_000)}`),
    );
    expectRefusedUnasked(seen, 431, 'headers_not_accepted');
  });

  test('an upgrade to h2c is not made: the request is judged as what it else is', async () => {
    const outgoing = telemetry({ by: world.a });
    const seen = await raw(
      Buffer.concat([
        line(
          `POST ${PATHS.telemetry} HTTP/1.1`,
          'Host: localhost',
          ...headersOf(outgoing),
          'Connection: Upgrade, HTTP2-Settings',
          'Upgrade: h2c',
          'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
          `Content-Length: ${outgoing.body.length}`,
        ),
        outgoing.body,
      ]),
    );
    // Envoy takes the upgrade headers off an h2c request and treats it as a plain one, which it then is.
    expect([seen.answer.status, seen.records.map(({ code }) => code)]).toEqual([202, ['allow']]);
    expect(values(arrivalOf(seen), 'upgrade')).toEqual([]);
  });

  test('an absolute target is judged by its path and its authority', async () => {
    const outgoing = telemetry({ by: world.a });
    const head = line(
      `POST https://localhost${PATHS.telemetry} HTTP/1.1`,
      'Host: elsewhere.example',
      ...headersOf(outgoing),
      `Content-Length: ${outgoing.body.length}`,
    );
    const seen = await raw(Buffer.concat([head, outgoing.body]));
    expect([seen.answer.status, seen.records.map(({ code }) => code)]).toEqual([202, ['allow']]);
    expect(arrivalOf(seen).path).toBe(PATHS.telemetry);
  });

  test('a second request in the same packet is judged for itself', async () => {
    const [first, second] = [telemetry({ by: world.a }), telemetry({ by: world.a })];
    const bytes = [
      first,
      { ...second, body: Buffer.from(second.body.toString().replace('demo', 'demO')) },
    ].map((outgoing) =>
      Buffer.concat([
        line(
          `POST ${PATHS.telemetry} HTTP/1.1`,
          'Host: localhost',
          ...headersOf(outgoing),
          `Content-Length: ${outgoing.body.length}`,
        ),
        outgoing.body,
      ]),
    );
    const seen = await raw(Buffer.concat(bytes));
    expect(seen.answer.status).toBe(202);
    expect(
      seen.arrivals.map(
        ({ headers }) => headers.find(([name]) => name.toLowerCase() === 'x-telemetry-nonce')?.[1],
      ),
    ).toEqual([headerOf(first, 'X-Telemetry-Nonce')]);
  });
});
