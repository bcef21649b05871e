/** What must pass, however oddly a correct producer may write it. */
import { PRODUCER_A, PRODUCER_B } from '../../../tools/local-federation/parties.js';
import { newNonce } from '../../../tools/local-federation/producer.js';
import type { Body } from '../../../tools/local-federation/bodies.js';
import { adding, removing, replacing } from '../support/outgoing.js';
import { bundle, feedback, graph, nowSeconds, signedBytes, telemetry } from '../support/requests.js';
import { colonFingerprint, NOTES_MAX_BYTES } from '../support/world.js';
import { withAttestation } from './body-changes.js';
import type { AllowCase } from './case.js';

const CLAIM = 'X-Client-Cert-Sha256';
const TYPE = 'Content-Type';
const YEAR_SECONDS = 365 * 24 * 3_600;

const passes = (
  title: string,
  status: number,
  make: AllowCase['make'],
  more: Partial<AllowCase> = {},
): AllowCase => ({
  title: `${title} passes`,
  status,
  make,
  ...more,
});

const limit =
  (value: number | undefined) =>
  (body: Body): Body => ({ ...body, limit: value });

const profile: AllowCase[] = [
  passes('signed telemetry', 202, ({ a }) => telemetry({ by: a })),
  passes('telemetry of the other tenant', 202, ({ b }) => telemetry({ by: b, party: PRODUCER_B })),
  passes('an execution graph', 202, ({ a }) => graph({ by: a })),
  passes('a feedback query', 200, ({ a }) => feedback({ by: a })),
  passes('a feedback query with limit 1', 200, ({ a }) => feedback({ by: a, change: limit(1) })),
  passes('a feedback query with limit 1000', 200, ({ a }) => feedback({ by: a, change: limit(1000) })),
  passes('a feedback query without a limit', 200, ({ a }) => feedback({ by: a, change: limit(undefined) })),
  passes('a bundle', 200, ({ a }) => bundle({ by: a })),
  passes('a bundle that is ten years old', 200, ({ a }) =>
    bundle({ by: a, timestamp: nowSeconds() - 10 * YEAR_SECONDS }),
  ),
];

const freedoms: AllowCase[] = [
  passes('a request that names its key', 202, ({ a }) => telemetry({ by: a, kid: 'default' })),
  passes('a request without the claimed fingerprint', 202, ({ a }) => removing(telemetry({ by: a }), CLAIM)),
  passes('a claimed fingerprint in capitals with colons', 202, ({ a }) =>
    replacing(telemetry({ by: a }), CLAIM, colonFingerprint(a)),
  ),
  passes('a content type with a character set', 202, ({ a }) =>
    replacing(telemetry({ by: a }), TYPE, 'Application/JSON; charset=utf-8'),
  ),
  ...['application/json;charset="UTF-8"', 'application/json'].map((type) =>
    passes(`the content type ${type}`, 202, ({ a }) => replacing(telemetry({ by: a }), TYPE, type)),
  ),
  passes('the content encoding identity, which is none,', 202, ({ a }) =>
    adding(telemetry({ by: a }), ['Content-Encoding', 'identity']),
  ),
  passes('a nonce of 128 characters', 202, ({ a }) =>
    telemetry({
      by: a,
      nonce: newNonce().padEnd(128, 'n'),
    }),
  ),
  passes('a body nested 64 deep', 202, ({ a }) =>
    telemetry({
      by: a,
      rewrite: (text) => text.replace('"event":', `"deep":${'{"n":'.repeat(62)}0${'}'.repeat(62)},"event":`),
    }),
  ),
  passes('white space and escapes in the body, byte for byte', 202, ({ a }) =>
    telemetry({
      by: a,
      rewrite: (text) => ` ${text.replace('demonstration', '\\u00e9\\ud83d\\ude00 é😀')}\r\n\t`,
    }),
  ),
  passes('the first key of a rotation, by its id', 202, ({ named }) =>
    telemetry({ by: named('producer-rotating'), kid: 'current' }),
  ),
  passes('the second key of a rotation, by its id', 202, ({ named, b }) =>
    telemetry({ by: { ...named('producer-rotating'), signingKey: b.signingKey }, kid: 'next' }),
  ),
  passes('any valid key of a rotation without its id', 202, ({ named, b }) =>
    telemetry({ by: { ...named('producer-rotating'), signingKey: b.signingKey } }),
  ),
  passes('the second pin of a rotation', 202, ({ named, b }) =>
    telemetry({ by: { ...named('producer-rotating'), ...pinOf(b) } }),
  ),
  passes('an identity without a list of operators, for any mapped one', 202, ({ named }) =>
    telemetry({ by: named('producer-open'), party: PRODUCER_B }),
  ),
  passes('the attestation on the list of the identity, in capitals', 202, ({ named }) =>
    telemetry({ by: named('producer-attested'), party: PRODUCER_A, change: withAttestation }),
  ),
];

function pinOf({ certificate, certificateKey, certificateSha256 }: Parameters<typeof colonFingerprint>[0]) {
  return {
    certificateSha256,
    ...(certificate !== undefined && { certificate }),
    ...(certificateKey !== undefined && { certificateKey }),
  };
}

const framings: AllowCase[] = [
  passes('a body without an announced length', 202, ({ a }) => ({
    ...telemetry({ by: a }),
    framing: 'unannounced',
  })),
  passes('a body in many pieces', 202, ({ a }) => ({
    ...telemetry({ by: a }),
    framing: 'unannounced',
    pieces: [1, 2, 3, 100],
  })),
  passes('an announced body in pieces', 202, ({ a }) => ({ ...telemetry({ by: a }), pieces: [1, 50] })),
  passes('a signed body of no bytes', 200, ({ a }) => signedBytes({ by: a }, '/notes', Buffer.alloc(0))),
  passes('an empty body without an announced length', 200, ({ a }) => ({
    ...signedBytes({ by: a }, '/notes', Buffer.alloc(0)),
    framing: 'unannounced',
  })),
  passes('a request that ends with its headers', 200, ({ a }) => ({
    ...signedBytes({ by: a }, '/search', Buffer.alloc(0)),
    method: 'GET',
    framing: 'none',
  })),
  passes('a query string where the policy allows one', 200, ({ a }) => ({
    ...signedBytes({ by: a }, '/search?q=%2F&x=..//', Buffer.alloc(0)),
    method: 'GET',
    framing: 'none',
  })),
  passes('bytes that are no text on a route without JSON', 200, ({ a }) =>
    signedBytes({ by: a }, '/notes', Buffer.from([0, 255, 10, 13, 0, 128, 254])),
  ),
  passes('a body exactly as large as its policy takes', 200, ({ a }) =>
    signedBytes({ by: a }, '/notes', Buffer.alloc(NOTES_MAX_BYTES, 'n')),
  ),
  passes('trailers, which nobody signed and nobody needs,', 202, ({ a }) => ({
    ...telemetry({ by: a }),
    framing: 'unannounced',
    trailers: [['x-countersign-identity', 'mallory']],
  })),
  passes('Expect: 100-continue', 202, ({ a }) => adding(telemetry({ by: a }), ['Expect', '100-continue'])),
  passes('what producers in the field send besides', 202, ({ a }) =>
    adding(
      telemetry({ by: a }),
      ['Accept-Encoding', 'gzip, deflate'],
      ['Idempotency-Key', 'evt-0001'],
      ['Accept', '*/*'],
    ),
  ),
];

/** All of them. */
export const ACCEPTED_CASES: readonly AllowCase[] = [...profile, ...freedoms, ...framings];
