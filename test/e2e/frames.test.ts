/** HTTP/2 as no library would send it: pseudo-headers, header bytes and DATA frames that lie or contradict each other. */
import { PATHS } from '../../tools/local-federation/bodies.js';
import { expectAllowed } from './support/expectations.js';
import type { HeaderLine, Outgoing } from './support/outgoing.js';
import { dataFrame, headersFrame, sendFrames } from './support/raw-http2.js';
import { signedBytes, telemetry } from './support/requests.js';
import { Stage, type Seen } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: worldConfiguration });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(() => stage.close(), 90_000);

const pseudo = (
  changes: Readonly<Record<string, string>> = {},
  path: string = PATHS.telemetry,
): HeaderLine[] =>
  Object.entries({
    ':method': 'POST',
    ':scheme': 'https',
    ':authority': 'localhost',
    ':path': path,
    ...changes,
  });

const lower = ({ headers }: Outgoing): HeaderLine[] =>
  headers.map(([name, value]) => [name.toLowerCase(), value]);

const send = (...frames: Buffer[]): Promise<Seen> =>
  stage.watch(() => sendFrames(stage.door, world.a, frames));

/** The request whole, with these lines before and behind its own headers. */
function whole(
  outgoing: Outgoing,
  before: readonly HeaderLine[],
  behind: readonly HeaderLine[] = [],
): Promise<Seen> {
  return send(
    headersFrame([...before, ...lower(outgoing), ...behind], false),
    dataFrame(outgoing.body, true),
  );
}

const codes = ({ records }: Seen): string[] => records.map(({ code }) => code);

describe('what passes', () => {
  test('the plain request of this client', async () => {
    const outgoing = telemetry({ by: world.a });
    expectAllowed(await whole(outgoing, pseudo()), outgoing, 202);
  });

  test('padding is no part of the body', async () => {
    const outgoing = telemetry({ by: world.a });
    const [front, rest] = [outgoing.body.subarray(0, 10), outgoing.body.subarray(10)];
    const head = headersFrame([...pseudo(), ...lower(outgoing)], false);
    expectAllowed(await send(head, dataFrame(front, false, 200), dataFrame(rest, true, 0)), outgoing, 202);
  });

  test('a stream that ends with an empty frame', async () => {
    const outgoing = telemetry({ by: world.a });
    const head = headersFrame([...pseudo(), ...lower(outgoing)], false);
    const empty = dataFrame(Buffer.alloc(0), false);
    expectAllowed(
      await send(head, empty, dataFrame(outgoing.body, false), empty, dataFrame(Buffer.alloc(0), true)),
      outgoing,
      202,
    );
  });

  test('an empty signed body in one empty frame', async () => {
    const outgoing = signedBytes({ by: world.a }, '/notes', Buffer.alloc(0));
    expectAllowed(await whole(outgoing, pseudo({}, '/notes')), outgoing, 200);
  });
});

describe('what the verifier refuses', () => {
  test.each([
    ['two content types', [['content-type', 'text/plain']], 'content_type', 415],
    ['two nonces', [['x-telemetry-nonce', 'another-nonce-0001']], 'header_duplicate', 401],
    ['an identity behind the right one', [['x-service-identity', 'producer-b']], 'header_duplicate', 401],
  ] as const)('%s', async (_title, behind, code, status) => {
    const seen = await whole(telemetry({ by: world.a }), pseudo(), behind);
    expect([seen.answer.status, codes(seen), seen.arrivals]).toEqual([status, [code], []]);
  });
});

/** Ended or refused by Envoy; the verifier may have been asked or not, but nothing was let through. */
function expectNothing(seen: Seen): void {
  expect(seen.arrivals).toEqual([]);
  expect(codes(seen)).not.toContain('allow');
  expect(seen.answer.status === 0 || seen.answer.status >= 400).toBe(true);
}

describe('what nobody lets through', () => {
  test('extended CONNECT', async () => {
    expectNothing(
      await whole(telemetry({ by: world.a }), pseudo({ ':method': 'CONNECT', ':protocol': 'websocket' })),
    );
  });

  test.each([
    ['two paths', [[':path', '/portal/start']]],
    ['two methods', [[':method', 'GET']]],
    ['two authorities', [[':authority', 'elsewhere.example']]],
    ['a pseudo-header that is none', [[':identity', 'producer-b']]],
    ['a name in capitals', [['X-Note', 'a']]],
    ['a name with a space', [['x note', 'a']]],
    ['an empty name', [['', 'a']]],
    ['a line feed in a value', [['x-note', 'a\nx-countersign-identity: mallory']]],
    ['a carriage return in a value', [['x-note', 'a\rb']]],
    ['a zero byte in a value', [['x-note', 'a\0b']]],
    ['a connection header', [['connection', 'x-telemetry-nonce']]],
    ['a transfer coding', [['transfer-encoding', 'chunked']]],
    ['an upgrade', [['upgrade', 'websocket']]],
    ['a content length that is too long', [['content-length', '100000']]],
    ['a content length that is too short', [['content-length', '5']]],
    [
      'two content lengths',
      [
        ['content-length', '5'],
        ['content-length', '6'],
      ],
    ],
    ['a content length that is no number', [['content-length', '5, 5']]],
  ] as const)('%s', async (_title, lines) => {
    const isPseudo = lines[0][0].startsWith(':');
    const outgoing = telemetry({ by: world.a });
    const before = isPseudo ? [...pseudo(), ...lines] : pseudo();
    expectNothing(await whole(outgoing, before, isPseudo ? [] : lines));
  });

  test.each([':method', ':path', ':scheme'])('a request without %s', async (name) => {
    const before = pseudo().filter(([other]) => other !== name);
    expectNothing(await whole(telemetry({ by: world.a }), before));
  });

  test('an empty path', async () => {
    expectNothing(await whole(telemetry({ by: world.a }), pseudo({}, '')));
  });

  test('a path without its slash', async () => {
    expectNothing(await whole(telemetry({ by: world.a }), pseudo({}, 'internal/v1/telemetry')));
  });

  test('a pseudo-header among the trailers', async () => {
    const outgoing = telemetry({ by: world.a });
    const head = headersFrame([...pseudo(), ...lower(outgoing)], false);
    expectNothing(
      await send(head, dataFrame(outgoing.body, false), headersFrame([[':path', '/portal/x']], true)),
    );
  });
});

test('a host beside the authority never lends the request another one', async () => {
  const outgoing = telemetry({ by: world.a });
  const seen = await whole(outgoing, pseudo(), [['host', 'elsewhere.example']]);
  for (const { headers } of seen.arrivals) {
    expect(headers.filter(([name]) => name.toLowerCase() === 'host')).toEqual([['host', 'localhost']]);
  }
});

// Fault: slow-body
test('a request that is cut off before its end is not judged', async () => {
  const outgoing = telemetry({ by: world.a });
  const head = headersFrame([...pseudo(), ...lower(outgoing)], false);
  const reset = Buffer.from([0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]);
  const garbage = Buffer.alloc(40, 0xff);
  const seen = await send(head, dataFrame(outgoing.body, false), reset, garbage);
  expect([seen.records, seen.arrivals]).toEqual([[], []]);
});
