import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../tools/local-federation/layout.js';
import {
  adjustments,
  ATTESTATION,
  EXECUTION,
  KEY,
  KID,
  OTHER_TENANT,
  SIGNED_AT_SECONDS,
  signedAnswer,
  TARGET,
  TENANT,
  testKey,
} from '../support/signed-feedback.js';
import { findChromium, resultOfPage } from './support/browser.js';

/** What the page is told, and what it does with it, as the code of a web application would. */
const PAGE = `<!doctype html><meta charset="utf-8"><img src="/held">
<script type="module">
import { bindAdjustments, evaluateAllow, executionFingerprint, FeedbackPolicy, keyringFromMap, MemorySeenNonces,
  verifyFeedback } from '/countersign-client.js';
const post = (text) => fetch('/result', { method: 'POST', body: text });
try {
  const task = await (await fetch('/task.json')).json();
  const clock = { nowMs: () => task.nowMs };
  const { keyring } = keyringFromMap(task.keyring);
  const options = { tenant: task.tenant, keyring, clock, seenNonces: new MemorySeenNonces({ clock }) };
  const verdicts = {};
  for (const [name, answer] of Object.entries(task.answers)) {
    const bytes = new Uint8Array(await (await fetch(answer)).arrayBuffer());
    const verified = verifyFeedback(bytes, options);
    verdicts[name] = verified.ok ? 'verified' : verified.code;
    if (!verified.ok) continue;
    const bound = bindAdjustments(verified.feedback, task.execution);
    const policy = new FeedbackPolicy({ clock });
    policy.apply(bound);
    const input = policy.policyInput(task.tenant, task.target);
    verdicts.applied = bound.applied.length;
    verdicts.dropped = bound.dropped.map(({ reason }) => reason);
    verdicts.input = input;
    verdicts.allow = evaluateAllow(true, input, clock.nowMs());
  }
  verdicts.fingerprint = executionFingerprint(task.facts);
  verdicts.node = typeof process + ' ' + typeof Buffer + ' ' + typeof require;
  await post(JSON.stringify(verdicts));
} catch (error) {
  await post('the page failed: ' + error);
}
</script>`;

const data = adjustments(
  { rationale: 'é 😀 \u007f', confidence: 1 },
  { execution_fingerprint: '0'.repeat(64) },
);
const genuine = signedAnswer({ data, nonce: 'genuine-genuine-genuine-' });

const ANSWERS: Readonly<Record<string, string>> = {
  tampered: genuine.replace('"tighten"', '"observe"'),
  'other tenant': signedAnswer({ data, tenant: OTHER_TENANT }),
  'other key': signedAnswer({ data, key: testKey(2) }),
  'unknown kid': signedAnswer({ data, kid: 'fb-other' }),
  stale: signedAnswer({ data, signedAtSeconds: SIGNED_AT_SECONDS - 400 }),
  'duplicate key': genuine.replace('"errors":[]', '"data":[]'),
  genuine,
  replayed: genuine,
};

const FACTS = {
  manifestHash: 'a'.repeat(64),
  toolHash: 'b'.repeat(64),
  operatorId: 'operator-a',
  tenantId: '11111111-1111-4111-8111-111111111111',
  policyDecisionHash: 'c'.repeat(64),
  attestationMeasurementHash: 'd'.repeat(64),
  timestamp: '1764000000',
};

describe('the browser bundle in a headless Chromium', () => {
  let directory: string;
  beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'bundle-'))));
  afterAll(() => rmSync(directory, { recursive: true }));

  it('verifies a genuine answer, refuses every other one, and decides', async () => {
    const chromium = findChromium();
    const bundle = join(directory, 'countersign-client.js');
    execFileSync(process.execPath, [join(repositoryRoot(), 'scripts', 'build-browser.mjs'), bundle]);
    const paths = Object.keys(ANSWERS).map((name, index) => [name, `/answers/${index}`] as const);
    const task = {
      nowMs: SIGNED_AT_SECONDS * 1000,
      tenant: TENANT,
      target: TARGET,
      keyring: { [KID]: KEY.base64 },
      execution: { executionFingerprints: [EXECUTION], attestationHashes: [ATTESTATION] },
      facts: FACTS,
      answers: Object.fromEntries(paths),
    };
    const result = await resultOfPage(
      chromium,
      new Map<string, readonly [string, string | Buffer]>([
        ['/', ['text/html', PAGE]],
        ['/countersign-client.js', ['text/javascript', readFileSync(bundle)]],
        ['/task.json', ['application/json', JSON.stringify(task)]],
        ...paths.map(([name, path]) => [path, ['application/json', ANSWERS[name] ?? '']] as const),
      ]),
    );
    expect(JSON.parse(result)).toEqual({
      tampered: 'bad_signature',
      'other tenant': 'bad_signature',
      'other key': 'bad_signature',
      'unknown kid': 'unknown_kid',
      stale: 'stale',
      'duplicate key': 'malformed_json',
      genuine: 'verified',
      replayed: 'replayed',
      applied: 1,
      dropped: ['other_execution'],
      input: {
        feedback_bound: true,
        feedback_action: 'tighten',
        feedback_confidence: 1,
        feedback_control: 'require-approval',
        feedback_rationale: 'é 😀 \u007f',
        feedback_ttl_seconds: 3600,
        feedback_attestation_measurement_hash: ATTESTATION,
      },
      allow: false,
      fingerprint: '36cee19edbb88015482e13ea03c563214379e9e1024339eb6b2206abb7ed540b',
      node: 'undefined undefined undefined',
    });
  }, 300_000);
});
