/**
 * docs/vectors, judged by our own code. What is in them was written from docs/wire-contract.md in another language, which checks
 * them, too (`test/python/vectors.py`).
 */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  keyringFromJson,
  MemorySeenNonces,
  verifyFeedback,
  bindAdjustments,
} from '../../../src/client/index.js';
import { loadConfiguration } from '../../../src/config/load.js';
import { generateKeyPair } from '../../../src/crypto/private-key.js';
import { canonicalize } from '../../../src/feedback/canonical-json.js';
import { LocalFeedbackKey } from '../../../src/feedback/feedback-key.js';
import type { Snapshot } from '../../../src/verify/snapshot.js';
import { fakeService, metadataCode } from '../../support/fake-service.js';
import type { RequestParts } from '../../support/signed-request.js';
import { feedbackQuery, feedbackSettings, signAnswer, signingTools } from '../../support/signing.js';

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../../docs/vectors/${name}`, import.meta.url), 'utf8'));
const bytesOf = (text: string | undefined, base64: string | undefined): Buffer =>
  text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text);

interface Party {
  readonly private_key_seed: string;
  readonly certificate_der: string;
  readonly certificate_sha256: string;
}
const { parties } = read('keys.json') as { readonly parties: Readonly<Record<string, Party>> };

interface Sent {
  readonly over: string | null;
  readonly method: string;
  readonly path: string;
  readonly headers: [string, string][];
  readonly body?: string;
  readonly body_base64?: string;
}
interface RequestVector extends Sent {
  readonly title: string;
  readonly after?: readonly Sent[];
  readonly verdict: {
    readonly status: number;
    readonly reason: string;
    readonly code?: string;
    readonly problem?: string;
    readonly pointer?: string;
  };
}
const requests = read('requests.json') as {
  readonly now: number;
  readonly verifier: object;
  readonly vectors: readonly RequestVector[];
};

/** As Envoy hands it on: with a length, and a mark that the body is whole. */
function partsOf(sent: Sent): RequestParts {
  const body = bytesOf(sent.body, sent.body_base64);
  const party = sent.over === null ? undefined : parties[sent.over];
  return {
    method: sent.method,
    path: sent.path,
    authority: 'localhost:8443',
    policyName: undefined,
    headers: [
      ['content-length', String(body.length)],
      ['x-envoy-auth-partial-body', 'false'],
      ...sent.headers,
    ],
    body,
    declaredSize: body.length,
    peerCertificate:
      party === undefined
        ? 'missing'
        : { certificateSha256: party.certificate_sha256, spkiSha256: undefined },
    rawHeaders: true,
    rawBody: true,
  };
}

test('the fingerprints are those of the certificates', () => {
  for (const { certificate_der: der, certificate_sha256: sha256 } of Object.values(parties))
    expect(createHash('sha256').update(Buffer.from(der, 'base64')).digest('hex')).toBe(sha256);
});

describe('a request of requests.json', () => {
  let snapshot: Snapshot;

  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'vectors-'));
    const file = join(folder, 'countersign.yaml');
    writeFileSync(file, JSON.stringify(requests.verifier));
    const loaded = loadConfiguration(file, { generation: 1, nowMs: requests.now * 1000 });
    rmSync(folder, { recursive: true });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
    ({ snapshot } = loaded.configuration);
  });

  test.each(requests.vectors)('$title', async ({ after = [], verdict, ...sent }) => {
    const { check, time } = fakeService({ snapshot });
    time.nowMs = requests.now * 1000;
    for (const earlier of after) await check(partsOf(earlier));
    const response = await check(partsOf(sent));
    const { status, reason, ...told } = verdict;
    expect({ status: response.httpStatus ?? 200, reason: metadataCode(response) }).toEqual({
      status,
      reason,
    });
    if (status === 200) return;
    const { message, offset, first_request_id, first_seen_at, ...errors } = errorOf(response.body);
    expect(errors).toEqual(told);
    expect(typeof message).toBe('string');
    expect([typeof offset, typeof first_request_id, typeof first_seen_at]).toEqual([
      reason === 'body_not_json' ? 'number' : 'undefined',
      ...(status === 409 ? ['string', 'number'] : ['undefined', 'undefined']),
    ]);
  });
});

function errorOf(body: Readonly<Record<string, unknown>> | undefined): Record<string, unknown> {
  const { errors } = body as { readonly errors: readonly Record<string, unknown>[] };
  return errors[0] ?? {};
}

interface CanonicalVector {
  readonly title: string;
  readonly input?: string;
  readonly input_base64?: string;
  readonly canonical?: string;
  readonly refused?: string;
}
const canonical = read('canonical-json.json') as { readonly vectors: readonly CanonicalVector[] };

test.each(canonical.vectors)(
  'canonical JSON: $title',
  ({ input, input_base64, canonical: expected, refused }) => {
    const result = canonicalize(bytesOf(input, input_base64));
    if (result.ok) expect(Buffer.from(result.canonical).toString()).toBe(expected);
    else expect(refused === 'not_json' ? refused : result.fault).toBe(refused);
  },
);

interface AnswerVector {
  readonly title: string;
  /** Answers that the same consumer got before. */
  readonly after?: readonly string[];
  readonly body: string;
  readonly verdict:
    | { readonly accepted: false; readonly code: string }
    | {
        readonly accepted: true;
        readonly applied: readonly number[];
        readonly dropped: readonly {
          readonly index: number;
          readonly reason: string;
          readonly member?: string;
        }[];
      };
}
const answers = read('signed-answers.json') as {
  readonly now: number;
  readonly consumer: {
    readonly tenant: string;
    readonly keyring: Readonly<Record<string, unknown>>;
    readonly execution_fingerprints: readonly string[];
    readonly attestation_measurement_hashes: readonly string[];
  };
  readonly vectors: readonly AnswerVector[];
};

test.each(answers.vectors)('a signed answer: $title', ({ after = [], body, verdict }) => {
  const { tenant, keyring: map, ...ran } = answers.consumer;
  const loaded = keyringFromJson(JSON.stringify(map));
  if (!loaded.ok) throw new Error(loaded.fault.code);
  const clock = { nowMs: () => answers.now * 1000 };
  const seenNonces = new MemorySeenNonces({ clock });
  const options = { tenant, keyring: loaded.keyring, clock, seenNonces };
  for (const earlier of after) verifyFeedback(earlier, options);
  const result = verifyFeedback(body, options);
  if (!verdict.accepted) {
    expect(result).toMatchObject({ ok: false, code: verdict.code });
    return;
  }
  if (!result.ok) throw new Error(result.code);
  const bound = bindAdjustments(result.feedback, {
    executionFingerprints: ran.execution_fingerprints,
    attestationHashes: ran.attestation_measurement_hashes,
  });
  expect(bound.dropped.map(({ index, reason, member }) => ({ index, reason, member }))).toEqual(
    verdict.dropped,
  );
  expect(bound.applied).toHaveLength(verdict.applied.length);
});

const dataOf = (envelope: string) => /"data":(\[.*\]),"errors":/s.exec(envelope)?.[1];

test('our own signer makes the signed answer that is delivered: one adjustment', () => {
  const delivered = answers.vectors.find(({ title }) => title === 'one adjustment')?.body ?? '';
  const { nonce, ...expected } = JSON.parse(delivered) as Readonly<Record<string, string>>;
  const { tenant, keyring } = answers.consumer;
  const [kid = ''] = Object.keys(keyring);
  const pair = generateKeyPair(Buffer.from(parties['signer']!.private_key_seed, 'hex'));
  const key = new LocalFeedbackKey(kid, pair, { notBeforeMs: -Infinity, notAfterMs: Infinity });
  const signed = signAnswer(
    Buffer.from(delivered),
    feedbackQuery({ tenant }),
    feedbackSettings({ defaultDomain: { keys: [key], activeKid: undefined } }),
    signingTools({ nowMs: answers.now * 1000, nonce: () => nonce! }),
  );
  if (signed.kind === 'refused') throw new Error(signed.detail);
  const text = signed.body.toString();
  expect(JSON.parse(text)).toEqual({ ...expected, nonce });
  expect(dataOf(delivered)).toBeDefined();
  expect(dataOf(text)).toBe(dataOf(delivered));
});

test('every status but those of load and size has a vector', () => {
  const shown = new Set(requests.vectors.map(({ verdict }) => verdict.status));
  expect([...shown].sort()).toEqual([200, 401, 403, 404, 405, 409, 415, 422]);
});
