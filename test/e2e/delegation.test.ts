/** Answers signed with a key in memory: a consumer who pins the root key alone takes them, by the library and by the documented steps in Python. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
  keyringFromDelegation,
  keyringFromJson,
  MemorySeenNonces,
  verifyFeedback,
  type FeedbackKeyring,
} from '../../src/client/feedback/index.js';
import { KEYRING_HEADER } from '../../src/protocol/header-names.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { PRODUCER_A, PRODUCER_B } from '../../tools/local-federation/parties.js';
import { until } from '../support/until.js';
import { adjustment } from './support/feedback-answers.js';
import { openFeedbackStage, type FeedbackStage } from './support/feedback-stage.js';
import { pythonWithCryptography } from './support/python.js';
import { feedback } from './support/requests.js';
import { answering } from './support/scripted-application.js';
import type { Seen } from './support/stage.js';

let on: FeedbackStage;
beforeAll(async () => {
  on = await openFeedbackStage('current', { feedback: { delegation: { lifetime: '1h' } } });
}, 180_000);
afterAll(() => on.close(), 90_000);

const clock = { nowMs: () => Date.now() };
const FORGED = { 'x-countersign-keyring': 'of.the.application' };
const PLAIN = JSON.stringify([adjustment()]);

/** The root may take a moment to vouch for the first key. */
async function ask(): Promise<Seen> {
  on.application.script = answering(200, PLAIN, FORGED);
  let seen: Seen | undefined;
  await until('a key in memory signs', async () => {
    seen = await on.stage.exchange('HTTP/1.1', feedback({ by: on.world.a }));
    return seen.answer.status === 200;
  });
  if (seen === undefined) throw new Error('nothing was asked');
  return seen;
}

function roots(): FeedbackKeyring {
  const made = keyringFromJson(on.keyring);
  if (!made.ok) throw new Error(made.fault.code);
  return made.keyring;
}

const documentOf = ({ answer }: Seen): string => answer.headers.get(KEYRING_HEADER) ?? '';
const read = (document: string, tenant = PRODUCER_A.tenant) =>
  keyringFromDelegation(document, { roots: roots(), tenant, nowMs: Date.now() });

test('a consumer who pins the root key takes the answer, and its own tenant’s alone', async () => {
  const seen = await ask();
  const delegated = read(documentOf(seen));
  if (!delegated.ok) throw new Error(delegated.code);
  const verify = (tenant: string, keyring = delegated.keyring) =>
    verifyFeedback(seen.answer.body, {
      keyring,
      tenant,
      clock,
      seenNonces: new MemorySeenNonces({ clock }),
    });
  const own = verify(PRODUCER_A.tenant);
  expect(own.ok && [own.feedback.kid]).toEqual(delegated.keyring.kids);
  expect(verify(PRODUCER_B.tenant)).toMatchObject({ ok: false });
  // The root itself has signed no answer.
  expect(verify(PRODUCER_A.tenant, roots())).toMatchObject({ ok: false, code: 'unknown_kid' });
});

test('the steps of docs/feedback.md, in Python, come to the same keys, and refuse a document that was changed', async () => {
  const document = documentOf(await ask());
  const page = readFileSync('docs/feedback.md', 'utf8');
  const code = /```python\n([^]*?)```/.exec(page)?.[1] ?? '';
  const script = `${code}
import sys
document, roots, tenant = json.loads(sys.stdin.read())
roots = {kid: base64.b64decode(raw) for kid, raw in roots.items()}
found = {kid: base64.b64encode(raw).decode() for kid, (raw, _, _) in keyring(document, roots, tenant).items()}
refused = 0
for at in range(len(document)):
    try:
        keyring(document[:at] + chr(ord(document[at]) ^ 1) + document[at + 1 :], roots, tenant)
    except Exception:
        refused += 1
print(json.dumps([found, refused, len(document)]))`;
  const input = JSON.stringify([document, JSON.parse(on.keyring), PRODUCER_A.tenant]);
  const printed = execFileSync(pythonWithCryptography(), ['-c', script], { input, encoding: 'utf8' });
  const [found, refused, length] = JSON.parse(printed) as [Record<string, string>, number, number];
  const delegated = read(document);
  expect(Object.keys(found)).toEqual(delegated.ok && delegated.keyring.kids);
  // The last letter of each part holds bits of no byte, which Python's decoder does not look at.
  expect(refused).toBeGreaterThanOrEqual(length - 3);
});

test('the published keyring has the key in memory, and not the root; /status has it too', async () => {
  const { answer } = await ask();
  const { kid } = JSON.parse(answer.body) as { kid: string };
  const { COUNTERSIGN_ADMIN_URL } = on.stage.federation.environment;
  const published = JSON.parse((await fetchPage(`${COUNTERSIGN_ADMIN_URL}/keyring`)).body) as {
    keys: { kid: string }[];
  };
  expect(published.keys.map((key) => key.kid)).toContain(kid);
  expect(published.keys.map((key) => key.kid)).not.toEqual(expect.arrayContaining([...roots().kids]));
  const status = JSON.parse((await fetchPage(`${COUNTERSIGN_ADMIN_URL}/status`)).body) as object;
  expect(status).toMatchObject({
    delegation: { count: 1, domains: [{ domain: 'default', failing: false, keys: [{ kid }] }] },
  });
});
