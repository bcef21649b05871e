/**
 * A consumer: asks for feedback on what the producer ran, and acts on what it can verify alone. Against the local federation:
 *
 *   npm run build && node --env-file=local_federation/.env.countersign.local dist/examples/consumer.js
 */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as countersign from 'countersign/client';

// What went wrong is said in one sentence.
process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exitCode = 1;
});
function env(name: string): string {
  const value = process.env[`COUNTERSIGN_${name}`];
  if (value === undefined) throw new Error(`COUNTERSIGN_${name} is not set; see examples/consumer.ts`);
  return value;
}
const read = (name: string): string => readFileSync(env(name), 'utf8');

const tenant = env('TENANT_ID');
const clock = { nowMs: (): number => Date.now() };
// One of each for the life of a consumer.
const seenNonces = new countersign.MemorySeenNonces({ clock });
const policy = new countersign.FeedbackPolicy({ clock });
const loaded = countersign.keyringFromJson(env('FEEDBACK_KEYRING_JSON'));
if (!loaded.ok) throw new Error(countersign.describeKeyringFault(loaded.fault));

const [timestamp, nonce] = [Math.floor(clock.nowMs() / 1000), countersign.generateNonce()];
const query = { operator_id: env('OPERATOR_ID'), tenant_id: tenant, timestamp, nonce, limit: 10 };
const body = Buffer.from(JSON.stringify(query));
const seed = createPrivateKey(read('SIGNING_KEY_FILE')).export({ format: 'jwk' }).d ?? '';
const signed = countersign.signRequest({
  identity: env('SERVICE_IDENTITY'),
  signingKey: countersign.portableKeyPair(Buffer.from(seed, 'base64url')),
  body,
  timestampSeconds: timestamp,
  nonce,
});
const outcome = await countersign.sendSigned({
  url: `${env('URL')}/internal/v1/cognitive/feedback/adjustments/query`,
  headers: { ...signed.headers, 'content-type': 'application/json' },
  body,
  tls: { ca: read('CA_FILE'), certificate: read('CLIENT_CERT_FILE'), privateKey: read('CLIENT_KEY_FILE') },
});
if (outcome.kind === 'failed' || !outcome.accepted) throw new Error('no answer to verify');

// The bytes as they were delivered: an answer that was parsed and printed anew has another signature.
const { keyring } = loaded;
const result = countersign.verifyFeedback(outcome.answer.body, { tenant, keyring, clock, seenNonces });
if (!result.ok) throw new Error(`not to be believed: ${result.code}`);
const ran = { executionFingerprints: ['e1'.repeat(32)], attestationHashes: ['a1'.repeat(32)] };
const bound = countersign.bindAdjustments(result.feedback, ran);
if (!policy.apply(bound)) throw new Error('no room for more targets');

const input = policy.policyInput(tenant, 'urn:robot:1');
console.log(`verified, ${bound.applied.length} bound`);
console.log('urn:robot:1 may go on:', countersign.evaluateAllow(true, input, clock.nowMs()));
