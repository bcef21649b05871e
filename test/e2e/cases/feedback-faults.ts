/** Signers that fail, others in their place, and an Envoy that is set up wrongly: nothing unsigned leaves as a success. */
import { status } from '@grpc/grpc-js';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findEnvoy } from '../../../tools/local-federation/envoy-files.js';
import { PRODUCER_B } from '../../../tools/local-federation/parties.js';
import { fetchPage } from '../../../tools/local-federation/health.js';
import { envoyPlan } from '../../../tools/local-federation/plans.js';
import { logFile, startProcess } from '../../../tools/local-federation/processes.js';
import { encodeAllow } from '../../../src/envoy/ext-authz/check-response.js';
import { encodeBody, encodeHeaders, PASS_BODY, PASS_HEADERS } from '../../../src/envoy/ext-proc/response.js';
import { until } from '../../support/until.js';
import { envoyOfLine, type EnvoyLine } from '../support/envoy-line.js';
import { adjustment, expectNothingLeft, expectSigned } from '../support/feedback-answers.js';
import { openFeedbackStage, type FeedbackStage } from '../support/feedback-stage.js';
import { refusalBody } from '../support/expectations.js';
import { PROTOCOLS, replacing, type Outgoing } from '../support/outgoing.js';
import { feedback } from '../support/requests.js';
import {
  field,
  startRogueVerifier,
  type RogueVerifier,
  type SignerStream,
} from '../support/rogue-verifier.js';
import { answering, type Script } from '../support/scripted-application.js';
import { signal, untilGone } from '../support/signals.js';
import type { Seen } from '../support/stage.js';

const MARK = 'not for the consumer';
const UNSIGNED = JSON.stringify([adjustment({ rationale: MARK })]);
/** An upstream that is in league with whoever sits on the socket. */
const PRETENDING: Script = answering(200, UNSIGNED, { 'x-countersign-answer': 'signed' });

const replies =
  (...each: readonly (Buffer | Uint8Array)[]) =>
  (stream: SignerStream, number: number): void => {
    const reply = each[number];
    if (reply === undefined) stream.end();
    else stream.write(Buffer.from(reply));
  };
const setHeader = (name: string, value: string): Buffer =>
  encodeHeaders({ set: [[name, value]], remove: [] });

/** What something else on the socket says to an answer of the upstream, and what the client must get then. */
const ROGUES: readonly (readonly [title: string, sign: RogueVerifier['sign'], status: number])[] = [
  ['that ends its stream well at once', replies(), 502],
  ['that ends its stream well when the body comes', replies(PASS_HEADERS), 502],
  ['that lets everything pass', replies(PASS_HEADERS, PASS_BODY), 502],
  ['that answers with empty replies', replies(field(2), field(4)), 502],
  ['that answers with an empty message', replies(Buffer.alloc(0)), 503],
  ['that answers to another message', replies(PASS_BODY), 503],
  ['that marks the headers as held and ends', replies(setHeader('x-countersign-answer', 'held')), 502],
  ['that makes it an error and ends', replies(setHeader(':status', '500')), 500],
  ['that changes what may not be changed', replies(setHeader(':authority', 'x'), PASS_BODY), 503],
  [
    'that changes the body and forgets its length',
    replies(
      PASS_HEADERS,
      encodeBody({ set: [['x-countersign-answer', 'signed']], remove: [] }, Buffer.from('{}')),
    ),
    503,
  ],
  ['that fails', (stream) => stream.emit('error', { code: status.INTERNAL, details: MARK }), 503],
  ['that says nothing', () => undefined, 504],
];

/** A bootstrap with one thing wrong, and what the client must get then. */
const WRONG: readonly (readonly [title: string, from: RegExp, to: string, status: number])[] = [
  ['that does not send the body', /response_body_mode: BUFFERED/g, 'response_body_mode: NONE', 503],
  ['that streams the body', /response_body_mode: BUFFERED/g, 'response_body_mode: STREAMED', 503],
  ['that sends what fits', /response_body_mode: BUFFERED/g, 'response_body_mode: BUFFERED_PARTIAL', 503],
  ['that does not send the headers', /response_header_mode: SEND/g, 'response_header_mode: SKIP', 503],
  [
    'that does not ask the signer',
    /response_header_mode: SEND([^]*?)response_body_mode: BUFFERED/g,
    'response_header_mode: SKIP$1response_body_mode: NONE',
    502,
  ],
  [
    'that only lets the signer observe',
    /stat_prefix: signer/,
    '$&\n                      observability_mode: true',
    502,
  ],
  [
    'that keeps the verifier’s word from the signer',
    /- envoy\.filters\.http\.ext_authz\n/,
    '- nobody\n',
    503,
  ],
  [
    'that does not ask the verifier',
    /check_settings:\n *context_extensions:\n *countersign_policy: feedback\n/,
    'disabled: true\n',
    503,
  ],
];

/** The suite for one Envoy line. */
export function describeFeedbackFaults(line: EnvoyLine): void {
  let on: FeedbackStage;
  let bootstrap: string;
  let binary: string | undefined;

  beforeAll(async () => {
    on = await openFeedbackStage(line, { patchBootstrap: (text) => (bootstrap = text) });
  }, 180_000);
  afterAll(() => on.close(), 90_000);

  const query = (): Outgoing => feedback({ by: on.world.a });
  const ask = (protocol: (typeof PROTOCOLS)[number], script: Script, outgoing = query()): Promise<Seen> => {
    on.application.script = script;
    return on.stage.exchange(protocol, outgoing);
  };
  const recovered = (): Promise<void> =>
    until(
      'answers are signed again',
      async () => (await ask('HTTP/1.1', answering(200, '[]'))).answer.status === 200,
    );

  describe('a verifier that fails while the upstream answers', () => {
    const when =
      (act: () => void): Script =>
      (response, request) => {
        act();
        setTimeout(() => answering(200, UNSIGNED)(response, request), 50);
      };

    // Fault: signer-stopped
    test.each(PROTOCOLS)(
      'hangs: 504 over %s',
      async (protocol) => {
        const answer = ask(
          protocol,
          when(() => signal(on.stage, 'verifier', 'SIGSTOP')),
        );
        const seen = await answer.finally(() => signal(on.stage, 'verifier', 'SIGCONT'));
        expectNothingLeft(seen, MARK);
        expect(seen.answer.status).toBe(504);
        await recovered();
      },
      120_000,
    );

    // Fault: signer-killed
    test.each(PROTOCOLS)(
      'is killed: 503 over %s',
      async (protocol) => {
        const seen = await ask(
          protocol,
          when(() => signal(on.stage, 'verifier', 'SIGKILL')),
        );
        expectNothingLeft(seen, MARK);
        expect(seen.answer.status).toBe(503);
        expect(refusalBody(seen).errors[0]?.code).toBe('unavailable');
        await untilGone(on.stage, 'verifier');
        await on.stage.federation.resume('verifier');
        await recovered();
      },
      120_000,
    );

    // Fault: audit-disk-full
    test('cannot record: 503, and nothing signed leaves', async () => {
      const file = join(on.stage.federation.layout.audit, 'decisions.ndjson');
      const limit = (bytes: string): void => {
        execFileSync('prlimit', ['--pid', String(on.stage.federation.pid('verifier')), `--fsize=${bytes}:`]);
      };
      execFileSync('truncate', ['--size', '+16M', file]);
      const size = execFileSync('stat', ['--format', '%s', file], { encoding: 'utf8' }).trim();
      on.application.script = when(() => limit(size));
      const answer = await on.stage.send('HTTP/1.1', query()).finally(() => limit('unlimited'));
      expect(answer.status).toBe(503);
      expect(answer.body).not.toContain('signature');
      await recovered();
    }, 120_000);
  });

  // Fault: envoy-misconfigured
  describe('an Envoy', () => {
    /** Restarts Envoy alone; what is wrong may be wrong for the federation's health question too. */
    async function rewire(text: string): Promise<void> {
      const { layout } = on.stage.federation;
      writeFileSync(layout.envoyFile, text);
      await on.stage.federation.interrupt('envoy');
      binary ??= await findEnvoy(layout, envoyOfLine(line));
      await startProcess(layout, envoyPlan(layout, binary, [text]), 'caller');
      await until(
        'Envoy sends requests on',
        async () => (await ask('HTTP/1.1', PRETENDING)).arrivals.length > 0,
      );
    }
    afterAll(() => rewire(bootstrap), 120_000);

    test.each(WRONG)(
      '%s lets no answer through',
      async (_title, from, to, expected) => {
        expect(bootstrap).toMatch(from);
        await rewire(bootstrap.replace(from, to));
        for (const protocol of PROTOCOLS) {
          const seen = await ask(protocol, PRETENDING);
          expectNothingLeft(seen, MARK);
          expect(seen.answer.status).toBe(expected);
          expect(refusalBody(seen).errors[0]?.code).toMatch(/^(?:feedback_refused|unavailable)$/);
        }
      },
      120_000,
    );

    /** As gateways and meshes name it. */
    const renamed = (text: string, name: string): string =>
      text
        .replace(/(cluster_name|- name): verifier\n/g, `$1: ${name}\n`)
        .replace(
          'verifier:\n                          value: 1',
          `${name}:\n                          value: 1`,
        );

    test.each(['extension/ns/countersign', 'outbound|50051||x'])(
      'that knows the verifier as %s reaches it all the same',
      async (name) => {
        await rewire(renamed(bootstrap, name));
        expectSigned(await ask('HTTP/1.1', answering(200, '[]')), on.keyring, PRODUCER_B);
      },
      120_000,
    );

    test('whose calls HTTP/2 refuses, since no authority is set, is counted and logged', async () => {
      const { layout, environment } = on.stage.federation;
      const nameless = renamed(bootstrap, 'outbound|50051||x').replace(/ *authority: countersign\n/g, '');
      writeFileSync(layout.envoyFile, nameless.replaceAll('grpc_health_check:\n', 'grpc_health_check: {}\n'));
      await on.stage.federation.interrupt('envoy');
      binary ??= await findEnvoy(layout, envoyOfLine(line));
      await startProcess(layout, envoyPlan(layout, binary, [nameless]), 'caller');
      await until('it is counted', async () => {
        const { body } = await fetchPage(`${environment.COUNTERSIGN_ADMIN_URL}/metrics`);
        return /^countersign_streams_refused_total [1-9]/m.test(body);
      });
      const log = readFileSync(logFile(layout, 'verifier'), 'utf8');
      expect(log.match(/HTTP\/2 refused a call before the verifier saw it/g)).toHaveLength(1);
    }, 120_000);

    test('that does not tell its own replies from answers still keeps what the verifier refused', async () => {
      await rewire(bootstrap.replace(/- response\.code_details\n/, ''));
      expectSigned(await ask('HTTP/1.1', answering(200, '[]')), on.keyring, PRODUCER_B);
      const forged = replacing(query(), 'X-Telemetry-Nonce', 'another-nonce');
      expect((await ask('HTTP/2', PRETENDING, forged)).answer.status).toBe(401);
    }, 120_000);
  });

  // Fault: imposter
  describe('somebody else on the socket', () => {
    let rogue: RogueVerifier;

    beforeAll(async () => {
      await on.stage.federation.interrupt('verifier');
      rogue = await startRogueVerifier(join(on.stage.federation.layout.run, 'verifier.sock'));
      const facts = { code: 'allow', decision_id: 'd', policy: 'feedback', tenant: PRODUCER_B.tenant };
      rogue.answer = encodeAllow([], [], facts);
      rogue.sign = replies();
      await until(
        'Envoy sends requests on',
        async () => (await ask('HTTP/1.1', PRETENDING)).arrivals.length > 0,
      );
    }, 120_000);
    afterAll(() => rogue.close());

    describe.each(PROTOCOLS)('over %s', (protocol) => {
      test.each(ROGUES)('%s gets no answer through', async (_title, sign, expected) => {
        rogue.sign = sign;
        const seen = await ask(protocol, PRETENDING);
        expect(seen.arrivals).toHaveLength(1);
        expect(seen.answer.status).toBe(expected);
        expect(seen.answer.body).not.toContain('signature');
        if (expected !== 500) expectNothingLeft(seen, MARK);
      });
    });
  });
}
