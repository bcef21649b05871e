/**
 * Requests that ext_proc has judged, where it goes wrong: something else on the socket, a verifier that is killed, slow
 * or full, bodies around the limit, settings that spoil the judgement. Nobody unjudged reaches the application.
 */
// Faults: imposter, verifier-killed, verifier-slow, envoy-misconfigured, oversize
import { status } from '@grpc/grpc-js';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { findEnvoy } from '../../tools/local-federation/envoy-files.js';
import { envoyPlan } from '../../tools/local-federation/plans.js';
import { startProcess } from '../../tools/local-federation/processes.js';
import { until } from '../support/until.js';
import { expectAllowed, expectRefusal, expectRefusedUnasked } from './support/expectations.js';
import { envoyOfLine, type EnvoyLine } from './support/envoy-line.js';
import { through } from './support/front.js';
import { PROTOCOLS, removing } from './support/outgoing.js';
import { signedBytes, telemetry } from './support/requests.js';
import { field, startRogueVerifier, varint, type SignerStream } from './support/rogue-verifier.js';
import { crash, signal } from './support/signals.js';
import { Stage, type Seen } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

const LINES: readonly EnvoyLine[] = ['current', '1.36'];
const MEBIBYTE = 1_048_576;

/** Producer A under another name, pinned by the public key of its certificate. */
function withKeyPin(document: ConfigurationDocument): ConfigurationDocument {
  const [a] = document.identities;
  if (a === undefined) throw new Error('the local federation has a producer');
  const file = join(dirname(document.envoy?.tls.certificateFile ?? ''), `${a.name}.crt`);
  const pinned = { ...a, name: 'producer-by-key', certificates: [{ file, as: 'spki' as const }] };
  return { ...document, identities: [...document.identities, pinned] };
}

const replies =
  (...each: readonly Buffer[]) =>
  (stream: SignerStream, number: number): void => {
    const reply = each[number];
    if (reply === undefined) stream.end();
    else stream.write(reply);
  };
/** `request_headers { response {} }` and `request_body { response {} }`. */
const PASS_HEADERS = field(1, field(1));
const PASS_BODY = field(3, field(1));

/** What something else on the socket says, and what the client gets; the application gets nothing. */
const ROGUES: readonly (readonly [title: string, say: ReturnType<typeof replies>, status: number])[] = [
  ['that ends its stream well at once', replies(), 403],
  ['that ends its stream well when the body comes', replies(PASS_HEADERS), 403],
  ['that lets everything pass, and decides nothing', replies(PASS_HEADERS, PASS_BODY), 403],
  ['that answers with an empty message', replies(Buffer.alloc(0)), 503],
  ['that answers to another message', replies(PASS_BODY), 503],
  ['that fails', (stream) => stream.emit('error', { code: status.INTERNAL, details: 'a secret' }), 503],
  ['that says nothing', () => undefined, 504],
  [
    'that refuses with a status of 0, which Envoy takes for 200',
    replies(field(7, field(1, varint(1, 0)))),
    200,
  ],
];

/** A bootstrap with one thing wrong, and the words of the record. */
const WRONG: readonly (readonly [title: string, from: RegExp, to: string, detail: RegExp])[] = [
  [
    'does not buffer bodies',
    /request_body_mode: BUFFERED/g,
    'request_body_mode: STREAMED',
    /request_body_mode/,
  ],
  ['brings no bodies', /request_body_mode: BUFFERED/g, 'request_body_mode: NONE', /request_body_mode/],
  [
    'takes the beginning of a body',
    /request_body_mode: BUFFERED/g,
    'request_body_mode: BUFFERED_PARTIAL',
    /request_body_mode/,
  ],
];

/**
 * Without what was recorded of a request that Envoy had refused by itself meanwhile: over HTTP/2 Envoy 1.36 may answer 413 while
 * the verifier already has the body.
 */
function ofItsAnswer(seen: Seen): Seen {
  const records = seen.records.filter(({ decision_id: id }) => seen.answer.body.includes(id));
  return { ...seen, records };
}

describe.each(LINES)('requests judged by way of ext_proc, Envoy %s', (line) => {
  let stage: Stage;
  let world: World;
  let bootstrap = '';
  let binary: string | undefined;

  beforeAll(async () => {
    stage = await Stage.open({
      envoyBinary: envoyOfLine(line),
      patchConfiguration: (document) => through('ext_proc', withKeyPin(worldConfiguration(document))),
      patchBootstrap: (text) => (bootstrap = text),
    });
    world = worldOf(stage.federation.credentials);
  }, 180_000);
  afterAll(() => stage.close(), 90_000);

  const unsigned = () => removing(telemetry({ by: world.a }), 'X-Telemetry-Signature');

  describe.each(PROTOCOLS)('over %s', (protocol) => {
    test('no header of a client looks like ours', async () => {
      const outgoing = telemetry({ by: world.a });
      const spoofed = {
        ...outgoing,
        headers: [
          ...outgoing.headers,
          ['x-countersign-identity', 'somebody'] as const,
          ['x-countersign-unknown', 'x'] as const,
          ['x-envoy-auth-partial-body', 'true'] as const,
        ],
      };
      const seen = await stage.exchange(protocol, spoofed);
      expectAllowed(seen, spoofed, 202);
      const ours = (seen.arrivals[0]?.headers ?? []).filter(([name]) =>
        /^x-(?:countersign|envoy-auth)/i.test(name),
      );
      const names = ours.map(([name]) => name.toLowerCase());
      expect(ours).toContainEqual([expect.stringMatching(/^x-countersign-identity$/i), world.a.identity]);
      expect(new Set(names).size).toBe(names.length);
      expect(names).not.toContain('x-countersign-unknown');
      expect(names).not.toContain('x-envoy-auth-partial-body');
    });

    // Fault: oversize
    test('a body over the limit is refused, announced or not', async () => {
      for (const framing of ['length', 'unannounced'] as const) {
        const body = Buffer.alloc(MEBIBYTE + 1, 'x');
        const outgoing = { ...signedBytes({ by: world.a }, '/notes', body), framing };
        const seen = ofItsAnswer(await stage.exchange(protocol, outgoing));
        // Envoy holds twice the limit, and less of what comes in the windows of HTTP/2.
        if (seen.records.length === 0) expectRefusedUnasked(seen, 413, 'body_not_accepted');
        else expectRefusal(seen, { status: 413, client: 'body_not_accepted', audit: 'body_too_large' });
      }
      const huge = { ...signedBytes({ by: world.a }, '/notes', Buffer.alloc(3 * MEBIBYTE, 'x')) };
      expectRefusedUnasked(ofItsAnswer(await stage.exchange(protocol, huge)), 413, 'body_not_accepted');
      await until('nothing of these is recorded any more', async () => {
        const { records } = await stage.exchange(protocol, telemetry({ by: world.a }));
        return records.length === 1;
      });
    });
  });

  test('a pin of a public key needs the certificate itself, which Envoy 1.36 does not bring', async () => {
    const seen = await stage.exchange('HTTP/1.1', telemetry({ by: world.named('producer-by-key') }));
    expect(seen.records.map(({ code }) => code)).toEqual([
      line === '1.36' ? 'certificate_details_missing' : 'allow',
    ]);
  });

  // Fault: verifier-slow
  test('a verifier that stands still: Envoy gives up, nothing arrives, and the same bytes pass later', async () => {
    const outgoing = telemetry({ by: world.a });
    signal(stage, 'verifier', 'SIGSTOP');
    const seen = await stage
      .exchange('HTTP/1.1', outgoing)
      .finally(() => signal(stage, 'verifier', 'SIGCONT'));
    expect([503, 504]).toContain(seen.answer.status);
    expect(seen.arrivals).toEqual([]);
    let last = seen;
    await until('the same bytes are judged', async () => {
      last = await stage.exchange('HTTP/1.1', outgoing);
      return last.answer.status === 202;
    });
    expect(last.arrivals).toHaveLength(1);
  }, 60_000);

  // Fault: verifier-killed
  test('a verifier that is killed: 503, and its successor accepts', async () => {
    await crash(stage, 'verifier');
    const outgoing = telemetry({ by: world.a });
    const seen = await stage.exchange('HTTP/2', outgoing);
    expect([seen.answer.status, seen.records, seen.arrivals]).toEqual([503, [], []]);
    await stage.federation.resume('verifier');
    await until('the successor is asked', async () => (await stage.send('HTTP/2', outgoing)).status === 202);
  }, 60_000);

  // Fault: envoy-misconfigured
  describe('an Envoy that is set up wrongly', () => {
    /** Restarts Envoy alone: with what is wrong the federation would not call itself ready. */
    async function rewire(text: string): Promise<void> {
      const { layout } = stage.federation;
      writeFileSync(layout.envoyFile, text);
      await stage.federation.interrupt('envoy');
      binary ??= await findEnvoy(layout, envoyOfLine(line));
      await startProcess(layout, envoyPlan(layout, binary, [text]), 'caller');
    }
    afterAll(() => rewire(bootstrap), 60_000);

    test.each(WRONG)(
      'as it %s, is refused, and the record says why',
      async (_title, from, to, detail) => {
        expect(bootstrap).toMatch(from);
        await rewire(bootstrap.replace(from, to));
        let seen = await stage.exchange('HTTP/1.1', telemetry({ by: world.a }));
        await until('the verifier is asked', async () => {
          seen = await stage.exchange('HTTP/1.1', telemetry({ by: world.a }));
          return seen.records.length > 0;
        });
        expect([seen.answer.status, seen.arrivals]).toEqual([503, []]);
        expect(seen.records[0]?.code).toBe('check_malformed');
        expect(JSON.stringify(seen.records[0])).toMatch(detail);
      },
      60_000,
    );
  });

  // Fault: imposter
  describe('something else on the socket', () => {
    let rogue: Awaited<ReturnType<typeof startRogueVerifier>>;
    beforeAll(async () => {
      await stage.federation.interrupt('verifier');
      rogue = await startRogueVerifier(join(stage.federation.layout.run, 'verifier.sock'));
      rogue.sign = replies();
      await until(
        'the rogue is asked',
        async () => (await stage.send('HTTP/1.1', unsigned())).status === 403,
      );
    }, 60_000);
    afterAll(() => rogue.close());

    test.each(ROGUES)('%s', async (_title, say, expected) => {
      rogue.sign = say;
      for (const protocol of PROTOCOLS) {
        const seen = await stage.exchange(protocol, unsigned());
        expect([seen.answer.status, seen.arrivals]).toEqual([expected, []]);
        expect(seen.answer.body).not.toContain('secret');
      }
    });
  });
});
