/** What reaches the application after an allow, and what nobody can make reach it (docs/wire-contract.md#what-the-application-receives). */
import { createHash } from 'node:crypto';
import { ATTESTATION } from '../../tools/local-federation/bodies.js';
import { PRODUCER_A } from '../../tools/local-federation/parties.js';
import { arrivalOf, ours, values, VERIFIED } from './support/arrivals.js';
import { expectAllowed } from './support/expectations.js';
import { adding, PROTOCOLS, type HeaderLine, type Outgoing } from './support/outgoing.js';
import { bundle, feedback, signedBytes, telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: worldConfiguration });
  world = worldOf(stage.federation.credentials);
}, 120_000);
afterAll(() => stage.close(), 90_000);

describe.each(PROTOCOLS)('over %s', (protocol) => {
  test('the application gets the verified facts, each once', async () => {
    const seen = await stage.exchange(protocol, telemetry({ by: world.a }));
    const arrival = arrivalOf(seen);
    const facts = Object.fromEntries(VERIFIED.map((name) => [name, values(arrival, name)]));
    expect(facts).toEqual({
      'x-countersign-identity': ['producer-a'],
      'x-countersign-kid': ['default'],
      'x-countersign-assurance': ['certificate_pin'],
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
      ['identity', 'assurance', 'kid', 'cert-sha256', 'policy', 'request-id']
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
});

test('a feedback query holds the last records of its own tenant', async () => {
  const { answer } = await stage.exchange('HTTP/1.1', feedback({ by: world.a }));
  expect(JSON.parse(answer.body)).toHaveProperty('data');
});
