/** The schema of the records says what is written: each kind of record, with every member that it can have, and nothing else. */
import { feedbackRecordLine } from '../../../src/audit/feedback-record.js';
import { lifeRecordLine, type LifeEvent } from '../../../src/audit/life-record.js';
import { lossRecord, prunedRecord } from '../../../src/audit/log/records.js';
import { gapLine, recordLine, type RecordInput } from '../../../src/audit/record.js';
import { noFacts } from '../../../src/verify/decision.js';
import { refuse } from '../../../src/verify/refusal.js';
import { readRecord } from '../../support/record-schema.js';
import { NOW_MS, profilePolicy } from '../../support/signed-request.js';

const ID = '01234567-89ab-4cde-8f01-23456789abcd';
const HASH = 'a'.repeat(64);
const times = { each: (visit: (stage: never, ms: number) => void) => visit('decode' as never, 1) };

const decision: RecordInput = {
  decisionId: ID,
  nowMs: NOW_MS,
  envoyRequestId: 'r-1',
  method: 'POST',
  path: '/x',
  outcome: 'allow',
  facts: {
    ...noFacts(),
    policy: profilePolicy('federation.telemetry'),
    identity: 'producer',
    kid: 'k1',
    skewSeconds: -3,
    certificateSha256: HASH,
    assurance: 'name_under_authority',
    tenant: 't',
    operator: 'o',
    attestation: HASH,
    execution: 'e',
    nonceHash: Buffer.alloc(32),
  },
  times,
  status: 200,
  generation: 1,
  traceId: '0af7651916cd43dd8448eb211c80319c',
};
const refusal: RecordInput = {
  ...decision,
  status: 422,
  facts: { ...noFacts(), claimedIdentity: 'someone', claimedKid: 'k2' },
  outcome: {
    ...refuse('replayed_nonce', 'a fact'),
    fault: { problem: 'missing', pointer: '/a', offset: 7 },
    limit: { name: 'maxBodyBytes', value: 5 },
    first: { requestId: ID, seenAtMs: NOW_MS },
  },
};
const answer = {
  nowMs: NOW_MS,
  decisionId: ID,
  envoyRequestId: 'r-1',
  policy: 'p',
  identity: 'i',
  tenant: 't',
  operator: 'o',
  times,
  generation: 1,
};
const issued = { kind: 'issued', kid: 'fb', nonceHash: HASH, adjustments: 3, bodyHash: HASH } as const;
const withheld = { kind: 'refused', code: 'c', detail: 'd', status: 503, upstreamHash: HASH } as const;

const life = (event: LifeEvent, members: Parameters<typeof lifeRecordLine>[2]): string =>
  lifeRecordLine(NOW_MS, event, { pid: 1, ...members });

test.each([
  ['an allow', recordLine(decision)],
  ['a refusal', recordLine(refusal)],
  [
    'a refusal of which nothing is known',
    recordLine({ ...refusal, facts: noFacts(), envoyRequestId: undefined }),
  ],
  ['an answer that was signed', feedbackRecordLine({ ...answer, outcome: issued })],
  ['an answer that was withheld', feedbackRecordLine({ ...answer, outcome: withheld })],
  ['a loss', gapLine(NOW_MS, 3)],
  [
    'bytes that are no record',
    lossRecord(NOW_MS, {
      reason: 'torn',
      file: 'w',
      offset: 1,
      bytes: 2,
      content: Buffer.from('x'),
    }).toString(),
  ],
  ['what was pruned', prunedRecord(NOW_MS, 256, 400).toString()],
  [
    'a fault of the log',
    life('store.fault', { store: 'audit_witness', name: 'w', conflict: true, reason: 'r' }),
  ],
  ['a fault', life('store.fault', { store: 'lmdb', reason: 'r' })],
  ['a key of a source', life('key_source.fault', { pid: 1, source: 'hsm', kid: 'k', reason: 'r' })],
  [
    'a key',
    life('key.added', { generation: 2, identity: 'i', kid: 'k', purposes: ['request'], key_sha256: HASH }),
  ],
  [
    'a name in a certificate',
    life('certificate_name.changed', { generation: 2, identity: 'i', name: 'spiffe://d/p', authority: 'a' }),
  ],
  [
    'a CA certificate',
    life('authority.removed', { generation: 2, authority: 'a', cert_sha256: HASH, not_after: '2030' }),
  ],
])('%s is in the schema', (_, line) => {
  expect(readRecord(line)).toHaveProperty('time');
});

test.each([
  ['a member that is not documented', { ...JSON.parse(recordLine(decision)), surprise: 1 }],
  ['a member that is missing', { time: new Date(NOW_MS).toISOString(), event: 'verifier.started', pid: 1 }],
  ['a hash that is none', { ...JSON.parse(recordLine(decision)), cert_sha256: 'x' }],
])('%s is not', (_, record: unknown) => {
  expect(() => readRecord(JSON.stringify(record))).toThrow('not a record');
});
