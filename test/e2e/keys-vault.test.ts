/** Answers signed in Vault, through a real Envoy: what its faults and rotations mean to consumers, and to one tenant those of another. */
import { PRODUCER_A, PRODUCER_B, type Party } from '../../tools/local-federation/parties.js';
import { keyringFromJson, MemorySeenNonces } from '../../src/client/feedback/index.js';
import { verifyFeedback } from '../../src/client/feedback/verify-feedback.js';
import { VaultServer } from '../support/keys/vault-server.js';
import { VaultWorld } from '../support/keys/vault-world.js';
import { until } from '../support/until.js';
import { adjustment, expectNothingLeft, expectSigned, expectWithheld } from './support/feedback-answers.js';
import { openFeedbackStage, type FeedbackStage } from './support/feedback-stage.js';
import { feedback, telemetry } from './support/requests.js';
import { answering } from './support/scripted-application.js';
import type { Seen } from './support/stage.js';

const MARK = 'not for the consumer';
const plainFor = (party: Party): string => JSON.stringify([adjustment({ rationale: MARK }, party)]);

let vault: VaultServer;
let files: VaultWorld;
let stage: FeedbackStage;
let keyring: string;

/** As an operator sets it up anew, too, after a Vault that lost everything: other keys then. */
async function setUp(): Promise<Record<'a' | 'b', string>> {
  const publicKeys = { a: '', b: '' };
  for (const tenant of ['a', 'b'] as const) {
    publicKeys[tenant] = (await vault.makeKey(`tenant-${tenant}`)).toString('base64');
    await vault.grant(`hvs.of-${tenant}`, {
      keys: [`tenant-${tenant}`],
      leaseSeconds: 3_600,
      renewable: true,
    });
    files.write(`${files.tokenPath}-${tenant}`, `hvs.of-${tenant}\n`);
  }
  return publicKeys;
}

beforeAll(async () => {
  files = new VaultWorld();
  vault = await VaultServer.start();
  const publicKeys = await setUp();
  keyring = JSON.stringify({ 'fb-a': publicKeys.a, 'fb-b': publicKeys.b });
  const source = (tenant: string) => ({
    kind: 'vault' as const,
    url: vault.url,
    auth: { tokenFile: `${files.tokenPath}-${tenant}` },
    timeoutMilliseconds: 400,
  });
  const key = (tenant: 'a' | 'b') => ({
    ...{ kid: `fb-${tenant}`, source: `vault-${tenant}`, key: `tenant-${tenant}`, version: 1 },
    publicKey: publicKeys[tenant],
  });
  stage = await openFeedbackStage('current', {
    patchConfiguration: (document) => ({
      ...document,
      keys: { sources: { 'vault-a': source('a'), 'vault-b': source('b') } },
      feedback: {
        maxAnswerBytes: 100_000,
        keys: [key('a')],
        tenants: { [PRODUCER_B.tenant]: { keys: [key('b')] } },
      },
    }),
  });
});
afterEach(() => vault.mend());
afterAll(async () => {
  await stage.close();
  await vault.stop();
  files.remove();
});

const ask = (
  by: 'a' | 'b',
  party: Party,
  query = feedback({ by: stage.world[by], party }),
): Promise<Seen> => {
  stage.application.script = answering(200, plainFor(party));
  return stage.stage.exchange('HTTP/1.1', query);
};
const askA = (): Promise<Seen> => ask('a', PRODUCER_A);
const askB = (): Promise<Seen> => ask('b', PRODUCER_B);
const signs = (asking: () => Promise<Seen>) => (): Promise<boolean> =>
  asking().then(({ answer }) => answer.status === 200);

function expectVerified({ answer }: Seen, tenant: string): void {
  const known = keyringFromJson(keyring);
  if (!known.ok) throw new Error(known.fault.code);
  const clock = { nowMs: Date.now };
  const options = { tenant, keyring: known.keyring, clock };
  const result = verifyFeedback(answer.body, { ...options, seenNonces: new MemorySeenNonces({ clock }) });
  expect(result.ok ? 'verified' : [result.code, answer.status, answer.body]).toBe('verified');
}

it('is verified by the library of consumers, and by OpenSSL, for each tenant with a key of its own', async () => {
  await until('a signs', signs(askA));
  await until('b signs', signs(askB));
  const seen = await askA();
  expect(expectSigned(seen, keyring, PRODUCER_B).kid).toBe('fb-a');
  expectVerified(seen, PRODUCER_A.tenant);
  expectVerified(await askB(), PRODUCER_B.tenant);
});

it('stays with its version when the key is rotated in Vault', async () => {
  await vault.rotate('tenant-a');
  expectVerified(await askA(), PRODUCER_A.tenant);
});

it("costs no other tenant anything when one tenant's key hangs, and is signed again by itself", async () => {
  await vault.break({ path: '/sign/tenant-b', hang: true });
  const withheld = await askB();
  expectWithheld(withheld, { status: 503, audit: 'signer_unavailable' });
  expectNothingLeft(withheld, MARK);
  for (let each = 0; each < 10; each += 1) expectVerified(await askA(), PRODUCER_A.tenant);
  await vault.mend();
  await until('b signs', signs(askB));
});

it('is withheld while the token may not sign, and signed once it may', async () => {
  await vault.revoke('hvs.of-a');
  expectWithheld(await askA(), { status: 503, audit: 'signer_unavailable' });
  expectVerified(await askB(), PRODUCER_B.tenant);
  await vault.grant('hvs.of-a-2', { keys: ['tenant-a'], leaseSeconds: 3_600, renewable: true });
  files.write(`${files.tokenPath}-a`, 'hvs.of-a-2');
  await until('a signs', signs(askA));
});

it('is withheld while Vault is sealed, when checks go on, and signed once it is not', async () => {
  await vault.break({ status: 503, body: '{"errors":["Vault is sealed"]}' });
  for (const asking of [askA, askB]) {
    const withheld = await asking();
    expectWithheld(withheld, { status: 503, audit: 'signer_unavailable' });
    expectNothingLeft(withheld, MARK);
  }
  const check = await stage.stage.exchange('HTTP/1.1', telemetry({ by: stage.world.a }));
  expect(check.records[0]).toMatchObject({ code: 'allow' });
  await vault.mend();
  await until('a signs', signs(askA));
  await until('b signs', signs(askB));
});

it('that was withheld has spent the nonce of its query: the same bytes get 409, another query is signed', async () => {
  await vault.break({ status: 503, body: '{"errors":["Vault is sealed"]}' });
  const query = feedback({ by: stage.world.a, party: PRODUCER_A });
  expectWithheld(await ask('a', PRODUCER_A, query), { status: 503, audit: 'signer_unavailable' });
  await vault.mend();
  await until('a signs', signs(askA));
  expect((await ask('a', PRODUCER_A, query)).answer.status).toBe(409);
});

it('is withheld when Vault comes back with other keys, which sign for nobody', async () => {
  await vault.stop();
  await vault.start();
  await setUp();
  for (let each = 0; each < 3; each += 1)
    expectWithheld(await askA(), { status: 503, audit: 'signer_unavailable' });
});
