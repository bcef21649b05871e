/**
 * A consumer in Python that was written from docs/wire-contract.md alone, and shares no line with this project's code:
 * first on answers that the test signs itself, so that it is known to refuse, then on what comes through Envoy.
 */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { PRODUCER_A, PRODUCER_B } from '../../tools/local-federation/parties.js';
import { Chance, seed } from '../property/json-documents.js';
import { ANSWER_HEADER, FeedbackApplication } from './support/feedback-application.js';
import { AnswerSource, type GeneratedAnswer } from './support/generated-answers.js';
import { consume, type ConsumerTask, type ConsumerVerdict } from './support/python-consumer.js';
import { feedback } from './support/requests.js';
import { Stage } from './support/stage.js';

const NOW = 1_764_000_000;
const TENANT = PRODUCER_A.tenant;
const EXECUTION = 'e1'.repeat(32);
const ATTESTATION = 'a1'.repeat(32);

function rawPublicKey(key: KeyObject): string {
  const { x = '' } = key.export({ format: 'jwk' });
  return Buffer.from(x, 'base64url').toString('base64');
}

describe('the consumer in Python by itself', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const stranger = generateKeyPairSync('ed25519').privateKey;
  const keyring = JSON.stringify({ default: rawPublicKey(publicKey) });
  let nonces = 0;

  interface Draft {
    readonly fields?: Readonly<Record<string, unknown>>;
    readonly tenant?: string;
    readonly key?: KeyObject;
    /** Members whose order and spelling are canonical already. */
    readonly data?: string;
  }

  function answerOf({ fields = {}, tenant = TENANT, key = privateKey, data = '[]' }: Draft = {}): string {
    nonces += 1;
    const head = {
      request_id: 'r-1',
      status: 'accepted',
      errors: [],
      kid: 'default',
      signature_algorithm: 'Ed25519',
      signed_at: NOW,
      nonce: `nonce-${nonces}`,
      schema_version: 'feedback.response.v1',
      ...fields,
    };
    const signed = [tenant, head.signed_at, head.nonce, head.schema_version, head.kid, data].join('|');
    const signature = sign(null, Buffer.from(signed), key).toString('base64');
    return `{"data": ${data}, ${JSON.stringify({ ...head, signature }).slice(1)}`;
  }

  const judge = (...answers: string[]): ConsumerVerdict[] =>
    consume(
      { keyring, tenant: TENANT },
      answers.map((text) => ({
        body: Buffer.from(text),
        now: NOW,
        executions: [EXECUTION],
        attestations: [ATTESTATION],
      })),
    );

  it('accepts a genuine answer, to the last second of its age', () => {
    const aged = [-300, 0, 300].map((age) => answerOf({ fields: { signed_at: NOW + age } }));
    expect(judge(...aged)).toEqual(Array(3).fill({ accepted: true, applied: [], dropped: [], policy: {} }));
  });

  const refused: readonly (readonly [what: string, answer: string, reason: string])[] = [
    ['another kid', answerOf({ fields: { kid: 'other' } }), 'unknown_kid'],
    ['another algorithm', answerOf({ fields: { signature_algorithm: 'HS256' } }), 'algorithm'],
    ['another key', answerOf({ key: stranger }), 'signature'],
    ['another tenant', answerOf({ tenant: PRODUCER_B.tenant }), 'signature'],
    [
      'other data than what was signed',
      answerOf({ data: '[{"a":1}]' }).replace('{"a":1}', '{"a":1.0}'),
      'signature',
    ],
    [
      'another schema version',
      answerOf({ fields: { schema_version: 'feedback.response.v2' } }),
      'schema_version',
    ],
    ['an age of 301 s', answerOf({ fields: { signed_at: NOW - 301 } }), 'age'],
    ['an age of -301 s', answerOf({ fields: { signed_at: NOW + 301 } }), 'age'],
    ['a field that holds a delimiter', answerOf({ fields: { nonce: 'a|b' } }), 'not_signable'],
    ['a time that is no integer', answerOf({ fields: { signed_at: true } }), 'not_an_envelope'],
    ['no JSON', '{', 'not_json'],
    ['a bare list', '[]', 'not_an_envelope'],
  ];
  let verdicts: readonly ConsumerVerdict[];
  beforeAll(() => {
    verdicts = judge(...refused.map(([, answer]) => answer));
  });

  it.each(refused.map(([what], index) => [what, index] as const))('refuses %s', (_, index) => {
    expect(verdicts[index]).toEqual({ accepted: false, reason: refused[index]?.[2] });
  });

  it('takes a nonce once, and only from an answer that is genuine', () => {
    const genuine = answerOf();
    const forged = genuine.replace('"data": []', '"data": [1]');
    const verdicts = judge(forged, genuine, genuine).map((verdict) =>
      verdict.accepted ? 'yes' : verdict.reason,
    );
    expect(verdicts).toEqual(['signature', 'yes', 'replayed']);
  });

  it('applies what is bound to its own tenant, execution and measurement, and says why it drops the rest', () => {
    const adjustment = (attestation: string, execution: string, tenant: string): string =>
      `{"action":"deny","attestation_measurement_hash":"${attestation}","execution_fingerprint":"${execution}","target_urn":"urn:t","tenant_id":"${tenant}"}`;
    const data = [
      adjustment(ATTESTATION, EXECUTION.toUpperCase(), TENANT),
      adjustment(ATTESTATION, EXECUTION, PRODUCER_B.tenant),
      adjustment(ATTESTATION, 'ff'.repeat(32), TENANT),
      adjustment('ff'.repeat(32), EXECUTION, TENANT),
      '7',
    ];
    expect(judge(answerOf({ data: `[${data.join(',')}]` }))).toEqual([
      {
        accepted: true,
        applied: [0],
        dropped: [
          [1, 'tenant'],
          [2, 'execution'],
          [3, 'attestation'],
          [4, 'shape'],
        ],
        policy: {
          'urn:t': expect.objectContaining({ feedback_bound: true, feedback_action: 'deny' }) as object,
        },
      },
    ]);
  });
});

describe(`the consumer in Python behind Envoy (JSON_SEED=${seed})`, () => {
  const ANSWERS = 1_000;
  const AT_ONCE = 8;
  let application: FeedbackApplication;
  let stage: Stage;
  let keyring: string;
  let generated: GeneratedAnswer[];
  let delivered: Uint8Array[];

  async function query(number: number): Promise<Uint8Array> {
    const { credentials, gateway } = stage.federation;
    const { method, path, headers, body } = feedback({ by: credentials.producerA });
    const wanted = { ...Object.fromEntries(headers), [ANSWER_HEADER]: `${number}` };
    const answer = await gateway.send(credentials.producerA, { method, path, headers: wanted, body });
    if (answer.status !== 200) throw new Error(`answer ${number}: ${answer.status} ${answer.body}`);
    return Buffer.from(answer.body);
  }
  const taskOf = (number: number): ConsumerTask => ({
    body: delivered[number]!,
    upstream: Buffer.from(generated[number]!.text),
    executions: generated[number]!.executions,
    attestations: generated[number]!.attestations,
  });

  beforeAll(async () => {
    application = await FeedbackApplication.start();
    stage = await Stage.open({ upstream: application.address });
    keyring = stage.federation.environment.COUNTERSIGN_FEEDBACK_KEYRING_JSON;
    const source = new AnswerSource(new Chance(seed), TENANT);
    generated = Array.from({ length: ANSWERS }, () => source.answer());
    application.answerWith(generated.map(({ text }) => text));
    delivered = [];
    let next = 0;
    const sender = async (): Promise<void> => {
      for (let number = next++; number < ANSWERS; number = next++) delivered[number] = await query(number);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
  }, 240_000);
  afterAll(async () => {
    await stage.close();
    await application.close();
  }, 90_000);

  it('verifies 1,000 generated answers, binds every adjustment, and reads what the upstream wrote', () => {
    const verdicts = consume(
      { keyring, tenant: TENANT },
      generated.map((_, number) => taskOf(number)),
    );
    expect(verdicts).toHaveLength(ANSWERS);
    for (const [number, verdict] of verdicts.entries()) {
      const applied = Array.from({ length: generated[number]!.adjustments }, (_, index) => index);
      const wanted = { accepted: true, applied, dropped: [], unchanged: true };
      expect({ number, verdict }).toMatchObject({ number, verdict: wanted });
    }
  }, 120_000);

  it('refuses all of them as the answers of another tenant', () => {
    const verdicts = consume(
      { keyring, tenant: PRODUCER_B.tenant },
      generated.map((_, number) => taskOf(number)),
    );
    expect(verdicts).toEqual(Array(ANSWERS).fill({ accepted: false, reason: 'signature' }));
  }, 120_000);

  const changes: readonly (readonly [what: string, change: (text: string) => string, reason: string])[] = [
    [
      'time',
      (text) =>
        text.replace(/("signed_at": ?)(\d+)/, (_, name: string, at: string) => `${name}${Number(at) + 1}`),
      'signature',
    ],
    ['nonce', (text) => text.replace(/("nonce": ?")([^"]+)"/, '$1AAAAAAAAAAAAAAAAAAAAAAAA"'), 'signature'],
    ['kid', (text) => text.replace(/"kid": ?"default"/, '"kid":"defaulT"'), 'unknown_kid'],
    ['list', (text) => text.replace(/("data": ?)\[/, '$1[0,'), 'signature'],
    ['algorithm', (text) => text.replace('"Ed25519"', '"none"'), 'algorithm'],
  ];

  it('refuses an answer of which anything that is signed was changed on the way', () => {
    const number = generated.findIndex(({ adjustments }) => adjustments > 0);
    const genuine = Buffer.from(delivered[number]!).toString('latin1');
    const tasks = changes.map(([, change]) => ({ body: Buffer.from(change(genuine), 'latin1') }));
    const verdicts = consume({ keyring, tenant: TENANT }, tasks);
    expect(verdicts).toEqual(changes.map(([, , reason]) => ({ accepted: false, reason })));
  });
});
