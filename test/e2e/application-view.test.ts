/** What reaches the application after an allow, and what nobody can make reach it (wire contract, section 3). */
import { request } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import { issueCertificate, newCertificateKeys } from '../../examples/local-federation/certificate.js';
import { ATTESTATION, PATHS } from '../../examples/local-federation/bodies.js';
import { PRODUCER_A } from '../../examples/local-federation/parties.js';
import { expectAllowed, expectRefusedUnasked } from './support/expectations.js';
import { sendBytes } from './support/http1-client.js';
import {
  adding,
  headerOf,
  PROTOCOLS,
  type HeaderLine,
  type Outgoing,
  type TlsIdentity,
} from './support/outgoing.js';
import { bundle, feedback, signedBytes, telemetry } from './support/requests.js';
import { Stage, type Arrival, type Seen } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: worldConfiguration });
  world = worldOf(stage.federation.credentials);
}, 60_000);
afterAll(() => stage.close(), 30_000);

const VERIFIED = [
  'identity',
  'kid',
  'cert-sha256',
  'tenant',
  'operator',
  'attestation',
  'policy',
  'request-id',
].map((name) => `x-countersign-${name}`);

function arrivalOf({ arrivals }: Seen): Arrival {
  const [arrival] = arrivals;
  if (arrival === undefined || arrivals.length > 1) throw new Error(`${arrivals.length} requests arrived`);
  return arrival;
}

/** All values under a name, in any case. */
function values(arrival: Arrival, name: string): string[] {
  return arrival.headers
    .filter(([other]) => other.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
}

const ours = (arrival: Arrival): string[] =>
  arrival.headers.map(([name]) => name.toLowerCase()).filter((name) => /^x[-_]countersign/.test(name));

describe.each(PROTOCOLS)('over %s', (protocol) => {
  test('the application gets the verified facts, each once', async () => {
    const seen = await stage.exchange(protocol, telemetry({ by: world.a }));
    const arrival = arrivalOf(seen);
    const facts = Object.fromEntries(VERIFIED.map((name) => [name, values(arrival, name)]));
    expect(facts).toEqual({
      'x-countersign-identity': ['producer-a'],
      'x-countersign-kid': ['default'],
      'x-countersign-cert-sha256': [world.a.certificateSha256],
      'x-countersign-tenant': [PRODUCER_A.tenant],
      'x-countersign-operator': [PRODUCER_A.operator],
      'x-countersign-attestation': [ATTESTATION],
      'x-countersign-policy': ['telemetry'],
      'x-countersign-request-id': [seen.records[0]?.decision_id],
    });
    expect(ours(arrival).sort()).toEqual([...VERIFIED].sort());
  });

  test("the producer's own signature headers and claim arrive unchanged", async () => {
    const outgoing = telemetry({ by: world.a, kid: 'default' });
    const arrival = arrivalOf(await stage.exchange(protocol, outgoing));
    for (const [name, value] of outgoing.headers)
      expect({ [name]: values(arrival, name) }).toEqual({ [name]: [value] });
  });

  test('what producers send besides arrives unchanged', async () => {
    const extra: readonly HeaderLine[] = [
      ['Idempotency-Key', 'evt-0001'],
      ['User-Agent', 'producer/1.0'],
      ['X-Request-Note', 'one'],
      ['X-Request-Note', 'two'],
    ];
    const arrival = arrivalOf(await stage.exchange(protocol, adding(telemetry({ by: world.a }), ...extra)));
    expect(values(arrival, 'Idempotency-Key')).toEqual(['evt-0001']);
    expect(values(arrival, 'User-Agent')).toEqual(['producer/1.0']);
    expect(values(arrival, 'X-Request-Note').join(',').replace(' ', '')).toBe('one,two');
  });

  test('a route without JSON has no tenant, operator or attestation, whatever the client claims', async () => {
    const claims = VERIFIED.map((name): HeaderLine => [name, 'mallory']);
    const outgoing = adding(signedBytes({ by: world.a }, '/notes', Buffer.from('note')), ...claims);
    const arrival = arrivalOf(await stage.exchange(protocol, outgoing));
    expect(ours(arrival).sort()).toEqual(
      ['identity', 'kid', 'cert-sha256', 'policy', 'request-id']
        .map((name) => `x-countersign-${name}`)
        .sort(),
    );
    expect(JSON.stringify(arrival.headers)).not.toContain('mallory');
  });

  test.each([...VERIFIED, 'x-countersign-foo', 'x-countersign-', 'X-CounterSign-Identity'])(
    "a client's own %s never arrives, once or doubled",
    async (name) => {
      for (const lines of [
        [[name, 'mallory']],
        [
          [name, 'mallory'],
          [name, 'mallory'],
        ],
        [[name, '']],
      ] as const) {
        const outgoing = adding(telemetry({ by: world.a }), ...lines);
        const seen = await stage.exchange(protocol, outgoing);
        expectAllowed(seen, outgoing, 202);
        expect(ours(arrivalOf(seen)).sort()).toEqual([...VERIFIED].sort());
        expect(JSON.stringify(arrivalOf(seen).headers)).not.toContain('mallory');
      }
    },
  );

  test.each([
    ['x-envoy-auth-partial-body', 'true'],
    ['x-envoy-auth-partial-body', 'false'],
    ['x-envoy-retry-on', '5xx'],
    ['x-envoy-max-retries', '9'],
    ['x-envoy-upstream-rq-timeout-ms', '1'],
    ['x-envoy-upstream-rq-per-try-timeout-ms', '1'],
    ['x-envoy-original-path', '/elsewhere'],
    ['x-envoy-original-dst-host', '127.0.0.1:1'],
    ['x-envoy-internal', 'true'],
    ['x-envoy-external-address', '192.0.2.1'],
    ['x-envoy-attempt-count', '7'],
    ['x-envoy-decorator-operation', 'mallory'],
    ['x-envoy-downstream-service-cluster', 'mallory'],
    ['x-envoy-peer-metadata', 'mallory'],
    ['x-envoy-retriable-status-codes', '202'],
    ['x-forwarded-client-cert', 'Hash=00'],
    ['x-request-id', 'mallory'],
  ] as const)('%s: %s steers neither Envoy nor the application', async (name, value) => {
    const outgoing = adding(telemetry({ by: world.a }), [name, value], [name, value]);
    const seen = await stage.exchange(protocol, outgoing);
    expectAllowed(seen, outgoing, 202);
    const arrived = values(arrivalOf(seen), name);
    if (name === 'x-request-id') expect(arrived).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/)]);
    else if (name !== 'x-envoy-decorator-operation') expect(arrived).not.toContain(value);
  });

  test('no field of the answer names Envoy or the time it took', async () => {
    const { answer } = await stage.exchange(protocol, telemetry({ by: world.a }));
    expect([...answer.headers.keys()].filter((name) => name.startsWith('x-envoy'))).toEqual([]);
    expect(answer.headers.get('server')).toBeUndefined();
  });

  test('signature headers beside a bundle, which nobody verified, do not arrive', async () => {
    const lines: readonly HeaderLine[] = [
      ['X-Telemetry-Timestamp', '1764000000'],
      ['X-Telemetry-Nonce', 'never-verified-1'],
      ['X-Telemetry-Signature', 'AAAA'],
    ];
    const outgoing = adding(bundle({ by: world.a }), ...lines);
    const seen = await stage.exchange(protocol, outgoing);
    expectAllowed(seen, outgoing, 200);
    for (const [name] of lines) expect(values(arrivalOf(seen), name)).toEqual([]);
  });

  test('the answer to a bundle is the hash of the signed string', async () => {
    const outgoing = bundle({ by: world.a });
    const { answer } = await stage.exchange(protocol, outgoing);
    const { bundle: fields } = JSON.parse(outgoing.body.toString()) as { bundle: Record<string, unknown> };
    const signed = ['operator_id', 'campaign_id', 'execution_hash', 'timestamp', 'nonce'].map((name) =>
      String(fields[name]),
    );
    const bundleHash = createHash('sha256').update(signed.join('|')).digest('hex');
    expect(JSON.parse(answer.body)).toEqual({ accepted: true, bundle_hash: bundleHash });
  });

  test('trailers never become headers of the application', async () => {
    const outgoing: Outgoing = {
      ...telemetry({ by: world.a }),
      framing: 'unannounced',
      trailers: [['x-countersign-foo', 'mallory']],
    };
    const seen = await stage.exchange(protocol, outgoing);
    expect(JSON.stringify(arrivalOf(seen).headers)).not.toContain('mallory');
  });

  test('Expect: 100-continue is answered by Envoy and a refusal still comes', async () => {
    const refused = { ...adding(telemetry({ by: world.a }), ['Expect', '100-continue']), path: '/nowhere' };
    const { answer, arrivals } = await stage.exchange(protocol, refused);
    expect([answer.status, arrivals]).toEqual([404, []]);
  });

  describe('a route that is declared to be unchecked', () => {
    const page = (over: TlsIdentity, path = '/portal/start'): Outgoing => ({
      over,
      method: 'GET',
      path,
      headers: [],
      body: Buffer.alloc(0),
      framing: 'none',
    });

    test('passes without a signature, is recorded as unchecked, and keeps its query', async () => {
      const seen = await stage.exchange(protocol, page(world.a, '/login?next=%2Fportal'));
      expect([seen.answer.status, seen.records.map(({ code }) => code)]).toEqual([200, ['pass_through']]);
      expect(arrivalOf(seen).path).toBe('/login?next=%2Fportal');
    });

    test('gets none of our headers, known and unknown ones alike', async () => {
      const lines = [...VERIFIED, 'x-countersign-foo'].map((name): HeaderLine => [name, 'mallory']);
      const seen = await stage.exchange(protocol, adding(page(world.unpinned), ...lines, ...lines));
      expect(seen.answer.status).toBe(200);
      expect(ours(arrivalOf(seen))).toEqual([]);
    });

    test.each(['/portal/../internal/v1/telemetry', '/portal/%2e%2e/internal/v1/telemetry'])(
      'lends nothing to the signed path behind %s',
      async (path) => {
        const seen = await stage.exchange(protocol, {
          ...page(world.a, path),
          method: 'POST',
          framing: 'length',
        });
        expect([seen.answer.status, seen.records.map(({ code }) => code), seen.arrivals]).toEqual([
          401,
          ['header_missing'],
          [],
        ]);
      },
    );

    test.each([
      '/portal/..;/internal/v1/telemetry',
      '/portal//..//internal/v1/telemetry',
      '/portal/x;/../../internal/v1/telemetry',
      '/portal/%2e%2e;/internal/v1/telemetry',
    ])('%s reaches no signed route of the application unsigned', async (path) => {
      const seen = await stage.exchange(protocol, {
        ...page(world.a, path),
        method: 'POST',
        framing: 'length',
      });
      const signedPaths: readonly string[] = Object.values(PATHS);
      for (const arrival of seen.arrivals) {
        expect(signedPaths).not.toContain(arrival.path);
        expect(ours(arrival)).toEqual([]);
      }
      for (const { code } of seen.records) expect(code).not.toBe('allow');
    });
  });

  test('whoever has no client certificate gets no connection', async () => {
    const seen = await stage.exchange(protocol, { ...telemetry({ by: world.a }), over: {} });
    expectRefusedUnasked(seen, 0, '');
  });

  test('a certificate of another CA, with the same names, gets no connection', async () => {
    const rogueKeys = newCertificateKeys();
    const keys = newCertificateKeys();
    const span = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
    const certificate = issueCertificate(
      { commonName: 'producer-a', publicKey: keys.publicKey, role: 'client', ...span },
      { commonName: 'countersign local federation CA', keys: rogueKeys },
    );
    const certificateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const seen = await stage.exchange(protocol, {
      ...telemetry({ by: world.a }),
      over: { certificate, certificateKey },
    });
    expectRefusedUnasked(seen, 0, '');
  });

  test('a new certificate of the right CA and name is not the pinned one', async () => {
    const keys = newCertificateKeys();
    const privateKey = createPrivateKey(readFileSync(join(stage.federation.layout.certificates, 'ca.key')));
    const span = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
    const certificate = issueCertificate(
      { commonName: 'producer-a', publicKey: keys.publicKey, role: 'client', version: 1, ...span },
      {
        commonName: 'countersign local federation CA',
        keys: { privateKey, publicKey: createPublicKey(privateKey) },
      },
    );
    const certificateKey = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const unclaimed = { ...telemetry({ by: world.a }), over: { certificate, certificateKey } };
    const seen = await stage.exchange(protocol, {
      ...unclaimed,
      headers: unclaimed.headers.filter(([name]) => name !== 'X-Client-Cert-Sha256'),
    });
    expect([seen.answer.status, seen.records[0]?.code, seen.arrivals]).toEqual([401, 'pin_mismatch', []]);
  });
});

describe('HTTP/1.1 as no library would write it', () => {
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

describe('the health listener', () => {
  const ask = (method: string, path: string): Promise<{ status: number; body: string; names: string[] }> =>
    new Promise((resolve, reject) => {
      const { health } = listenerPorts();
      const call = request({ host: '127.0.0.1', port: health, method, path, agent: false }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text));
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, body, names: Object.keys(response.headers) }),
        );
      });
      call.on('error', reject).end();
    });
  const listenerPorts = (): { health: number } => {
    const ports = JSON.parse(readFileSync(stage.federation.layout.portsFile, 'utf8')) as {
      envoyHealth: number;
    };
    return { health: ports.envoyHealth };
  };

  test('answers 200 without a certificate, and tells nothing else', async () => {
    const { status, body, names } = await ask('GET', '/healthz');
    expect([status, body]).toEqual([200, '']);
    expect(names.filter((name) => name.startsWith('x-'))).toEqual([]);
  });

  test.each([
    ['GET', '/'],
    ['POST', '/healthz'],
    ['GET', '/healthz/'],
    ['GET', '/healthz?x=1'],
    ['GET', PATHS.telemetry],
    ['POST', PATHS.telemetry],
    ['GET', '/portal/start'],
    ['GET', '/stats'],
    ['GET', '/config_dump'],
  ])('has nothing under %s %s', async (method, path) => {
    const before = (await stage.arrivals()).length;
    expect((await ask(method, path)).status).toBe(404);
    expect(await stage.arrivals()).toHaveLength(before);
  });
});

test('a feedback query holds the last records of its own tenant', async () => {
  const { answer } = await stage.exchange('HTTP/1.1', feedback({ by: world.a }));
  expect(JSON.parse(answer.body)).toHaveProperty('data');
});
