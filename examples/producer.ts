/**
 * A producer: submits one execution graph, signed over its exact bytes, and says what became of it. Against the local federation:
 *
 *   npm run build && node --env-file=local_federation/.env.countersign.local dist/examples/producer.js
 */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { generateNonce, parseRefusal, portableKeyPair, sendSigned, signRequest } from 'countersign/client';

// What went wrong is said in one sentence.
process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exitCode = 1;
});
function env(name: string): string {
  const value = process.env[`COUNTERSIGN_${name}`];
  if (value === undefined) throw new Error(`COUNTERSIGN_${name} is not set; see examples/producer.ts`);
  return value;
}
const read = (name: string): string => readFileSync(env(name), 'utf8');

const [operator, tenant, execution] = [env('OPERATOR_ID'), env('TENANT_ID'), 'e1'.repeat(32)];
const [timestamp, nonce] = [Math.floor(Date.now() / 1000), generateNonce()];
// Serialised once: these bytes are signed, and these are sent.
const body = Buffer.from(
  JSON.stringify({
    operator_id: operator,
    tenant_id: tenant,
    execution_fingerprint: execution,
    timestamp,
    nonce,
    schema_version: 'execution.graph.v1',
    attestation_measurement_hash: 'a1'.repeat(32),
    graph: {
      tenant_id: tenant,
      operator_id: operator,
      execution_fingerprint: execution,
      target_urn: 'urn:robot:1',
      nodes: [{ id: 'plan' }, { id: 'act' }],
    },
  }),
);

const seed = createPrivateKey(read('SIGNING_KEY_FILE')).export({ format: 'jwk' }).d ?? '';
const signed = signRequest({
  identity: env('SERVICE_IDENTITY'),
  signingKey: portableKeyPair(Buffer.from(seed, 'base64url')),
  body,
  timestampSeconds: timestamp,
  nonce,
});
const outcome = await sendSigned({
  url: `${env('URL')}/internal/v1/cognitive/execution-graph`,
  headers: { ...signed.headers, 'content-type': 'application/json' },
  body,
  tls: { ca: read('CA_FILE'), certificate: read('CLIENT_CERT_FILE'), privateKey: read('CLIENT_KEY_FILE') },
});

if (outcome.kind === 'failed') throw new Error(`no answer: ${outcome.failure.code}`);
console.log(outcome.answer.status, outcome.accepted ? 'accepted' : parseRefusal(outcome.answer.body));
