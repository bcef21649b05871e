/** The demonstration of the loop, against a gateway that signs as it should, and against some that do not. */
import { generateKeyPairSync } from 'node:crypto';
import type { ReachableFederation } from '../../../tools/local-federation/attach.js';
import { goRound, type LoopRow } from '../../../tools/local-federation/demonstration/loop.js';
import { FEEDBACK_KID, PRODUCER_A, PRODUCER_B } from '../../../tools/local-federation/parties.js';
import {
  Gateway,
  type Credentials,
  type ProducerAnswer,
  type ProducerRequest,
} from '../../../tools/local-federation/producer.js';
import { adjustmentFor } from '../../../tools/reference-upstream/adjustments.js';
import type { StoredRecord } from '../../../tools/reference-upstream/record-store.js';
import { KEY, signedAnswer, testKey, type AnswerChanges } from '../../support/signed-feedback.js';

interface Submission {
  readonly tenant_id: string;
  readonly attestation_measurement_hash: string;
}

/** What a fake is to get wrong. */
interface Faults {
  readonly sign?: (changes: AnswerChanges) => string;
  readonly spoil?: (adjustments: string) => string;
  readonly graphStatus?: number;
  readonly limitedOnce?: boolean;
}

/** Envoy, verifier, reference upstream and signer in one, as far as the loop can tell. */
class FakeGateway extends Gateway {
  readonly #faults: Faults;
  readonly #graphs: Submission[] = [];
  sent = 0;

  constructor(faults: Faults) {
    super('https://localhost:1', '');
    this.#faults = faults;
  }

  override send(_: Credentials, { path, body }: ProducerRequest): Promise<ProducerAnswer> {
    this.sent += 1;
    if (this.#faults.limitedOnce === true && this.sent === 1)
      return Promise.resolve({ status: 429, headers: { 'retry-after': '0.01' }, body: '' });
    return Promise.resolve(this.#answer(path, JSON.parse(body.toString()) as Submission));
  }

  #answer(path: string, submitted: Submission): ProducerAnswer {
    if (path.endsWith('/query'))
      return { status: 200, headers: {}, body: this.#feedback(submitted.tenant_id) };
    if (path.endsWith('/execution-graph')) this.#graphs.push(submitted);
    const status = path.endsWith('/execution-graph') ? (this.#faults.graphStatus ?? 202) : 202;
    return { status, headers: {}, body: '{}' };
  }

  #feedback(tenant: string): string {
    const { sign = signedAnswer, spoil = (text: string): string => text } = this.#faults;
    const own = this.#graphs.filter(({ tenant_id }) => tenant_id === tenant);
    const data = own.map((body) => adjustmentFor(recordOf(tenant, body)));
    const signedAtSeconds = Math.floor(Date.now() / 1000);
    return sign({ data: spoil(JSON.stringify(data)), tenant, signedAtSeconds, kid: FEEDBACK_KID });
  }
}

function recordOf(tenant: string, body: Submission): StoredRecord {
  return {
    request_id: 'r-1',
    tenant_id: tenant,
    operator_id: 'o',
    identity: 'i',
    attestation_measurement_hash: body.attestation_measurement_hash,
    received_at_ms: Date.now(),
    body,
  };
}

async function rowsWith(faults: Faults = {}): Promise<readonly LoopRow[]> {
  const signingKey = generateKeyPairSync('ed25519').privateKey;
  const credentialsOf = (identity: string): Credentials => ({ identity, certificateSha256: '', signingKey });
  const federation = {
    gateway: new FakeGateway(faults),
    environment: { COUNTERSIGN_FEEDBACK_KEYRING_JSON: JSON.stringify({ [FEEDBACK_KID]: KEY.base64 }) },
    credentials: {
      producerA: credentialsOf(PRODUCER_A.identity),
      producerB: credentialsOf(PRODUCER_B.identity),
    },
  };
  return goRound(federation as unknown as ReachableFederation, () => undefined);
}

const wrong = (rows: readonly LoopRow[]): string[] =>
  rows.filter((row) => !row.asExpected).map(({ title, got }) => `${title}: ${got}`);

describe('the loop', () => {
  it('goes round, and what is forged changes nothing', async () => {
    const rows = await rowsWith();
    expect(wrong(rows)).toEqual([]);
    expect(rows.map(({ title, got }) => `${title}: ${got}`)).toEqual(
      expect.arrayContaining([
        'the answer, tampered with: observe → deny: bad_signature, nothing changed',
        'the answer under an unknown kid: unknown_kid, nothing changed',
        "the other tenant's answer: bad_signature, nothing changed",
        'its answer, for an execution that was not run: 0 bound, nothing changed',
        'decision about the target of the eight nodes: refuse (tighten 0.82)',
        'the same answer once more: replayed, nothing changed',
      ]),
    );
  });

  it('waits where the rate limit says so', async () => {
    expect(wrong(await rowsWith({ limitedOnce: true }))).toEqual([]);
  });

  it.each<[string, Faults, RegExp]>([
    [
      'an answer that nobody signed',
      { sign: ({ data = '' }) => `{"data": ${data}}` },
      /feedback query: 200, unsigned/,
    ],
    [
      'an answer that is signed with another key',
      { sign: (changes) => signedAnswer({ ...changes, key: testKey(9) }) },
      /for the execution that was run: bad_signature/,
    ],
    [
      'answers that are signed for whoever asks',
      { sign: (changes) => signedAnswer({ ...changes, tenant: PRODUCER_A.tenant }) },
      /the other tenant's answer: 0 bound/,
    ],
    [
      'a measurement that was lost on the way',
      {
        spoil: (text) =>
          text.replaceAll(
            /"attestation_measurement_hash":"[0-9a-f]{64}"/g,
            `"attestation_measurement_hash":"${'0'.repeat(64)}"`,
          ),
      },
      /for the execution that was run: 0 bound/,
    ],
    ['a graph that is not taken', { graphStatus: 503 }, /its graph of 8 nodes: 503/],
  ])('shows %s', async (_, faults, row) => {
    expect(wrong(await rowsWith(faults)).join('\n')).toMatch(row);
  });
});
