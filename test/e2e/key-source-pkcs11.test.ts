/** Answers through Envoy that are signed in a token, and what becomes of them when the token or its module's process is not well. */
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { keyringFromMap, MemorySeenNonces, verifyFeedback } from '../../src/client/index.js';
import type { ConfigurationDocument } from '../../tools/local-federation/configuration.js';
import { PRODUCER_A, PRODUCER_B, type Party } from '../../tools/local-federation/parties.js';
import { SoftHsm } from '../support/softhsm.js';
import { until } from '../support/until.js';
import { adjustment, expectNothingLeft, expectWithheld } from './support/feedback-answers.js';
import { feedback, telemetry } from './support/requests.js';
import { answering, ScriptedApplication } from './support/scripted-application.js';
import { Stage, type Seen } from './support/stage.js';
import { worldOf, type World } from './support/world.js';

const PIN = 'pin of the tests';
/** What may not be found in an answer that is withheld. */
const MARK = 'not for the consumer';

let tokens: { readonly ofAll: SoftHsm; readonly ofB: SoftHsm };
let keys: { readonly ofAll: string; readonly ofB: string };
let application: ScriptedApplication;
let stage: Stage;
let world: World;

/** Producer A's answers are signed by one token, and producer B's tenant has another one. */
function configuration(document: ConfigurationDocument): ConfigurationDocument {
  const source = (softHsm: SoftHsm, name: string) => ({
    kind: 'pkcs11' as const,
    module: softHsm.module,
    environment: { ...softHsm.environment, SOURCE_NAME: name },
    token: name,
    pinFile: softHsm.pinFile(PIN),
    maxMessageBytes: 8 * 1024 * 1024,
    timeoutMilliseconds: 1_500,
  });
  return {
    ...document,
    // Envoy gives an answer up after this time, and the verifier's word is to be seen.
    limits: { checkTimeoutMilliseconds: 4_000 },
    keys: { sources: { all: source(tokens.ofAll, 'all'), b: source(tokens.ofB, 'b') } },
    feedback: {
      keys: [{ kid: 'hsm-of-all', source: 'all', key: 'feedback', publicKey: keys.ofAll }],
      tenants: {
        [PRODUCER_B.tenant]: {
          keys: [{ kid: 'hsm-of-b', source: 'b', key: 'feedback', publicKey: keys.ofB }],
        },
      },
    },
  };
}

beforeAll(async () => {
  tokens = { ofAll: new SoftHsm(), ofB: new SoftHsm() };
  keys = {
    ofAll: tokens.ofAll.makeToken('all', PIN, ['feedback'])['feedback']!,
    ofB: tokens.ofB.makeToken('b', PIN, ['feedback'])['feedback']!,
  };
  application = await ScriptedApplication.start();
  stage = await Stage.open({ upstream: application.address, patchConfiguration: configuration });
  world = worldOf(stage.federation.credentials);
}, 180_000);
afterAll(async () => {
  await stage.close();
  await application.close();
  tokens.ofAll.close();
  tokens.ofB.close();
}, 90_000);

const partyOf = (who: 'a' | 'b'): Party => (who === 'a' ? PRODUCER_A : PRODUCER_B);

function ask(who: 'a' | 'b'): Promise<Seen> {
  const party = partyOf(who);
  application.script = answering(200, JSON.stringify([adjustment({ rationale: MARK }, party)]));
  return stage.exchange('HTTP/2', feedback({ by: world[who], party }));
}

/** Judged as a consumer does it. */
function expectGenuine({ answer }: Seen, who: 'a' | 'b'): void {
  const clock = { nowMs: () => Date.now() };
  const ring = keyringFromMap({
    'hsm-of-all': { publicKey: keys.ofAll },
    'hsm-of-b': { publicKey: keys.ofB },
  });
  if (!ring.ok) throw new Error('the token gave a public key that is none');
  const seenNonces = new MemorySeenNonces({ clock });
  const options = { tenant: partyOf(who).tenant, keyring: ring.keyring, clock, seenNonces };
  const verified = verifyFeedback(answer.body, options);
  expect({ status: answer.status, verified: verified.ok ? verified.feedback.kid : verified.code }).toEqual({
    status: 200,
    verified: who === 'a' ? 'hsm-of-all' : 'hsm-of-b',
  });
}

const signsAgain = (who: 'a' | 'b'): Promise<void> =>
  until('answers are signed', async () => (await ask(who)).answer.status === 200);

/** The process of a module, by what it has of an environment. */
function processOf(source: 'all' | 'b'): number {
  const verifier = stage.federation.pid('verifier')!;
  const children = readFileSync(`/proc/${verifier}/task/${verifier}/children`, 'latin1').trim().split(' ');
  const found = children.find((pid) =>
    readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`SOURCE_NAME=${source}`),
  );
  return Number(found);
}

async function expectChecksGoOn(): Promise<void> {
  application.script = answering(202, '');
  const { answer, records } = await stage.exchange('HTTP/2', telemetry({ by: world.a }));
  expect({ status: answer.status, code: records[0]?.code }).toEqual({ status: 202, code: 'allow' });
}

/** Answers of producer A's are withheld; nothing else is wrong. */
async function expectOnlyAWithheld(): Promise<void> {
  const seen = await ask('a');
  expectWithheld(seen, { status: 503, audit: 'signer_unavailable' });
  expectNothingLeft(seen, MARK);
  await expectChecksGoOn();
  expectGenuine(await ask('b'), 'b');
}

describe('answers that a token signs', () => {
  beforeEach(async () => {
    await signsAgain('a');
    await signsAgain('b');
  });

  it('are genuine for a consumer, each by the key of its tenant', async () => {
    expectGenuine(await ask('a'), 'a');
    expectGenuine(await ask('b'), 'b');
  });

  it('are withheld while the process of the module is stopped, for the tenants of that token alone', async () => {
    const verifier = stage.federation.pid('verifier');
    process.kill(processOf('all'), 'SIGSTOP');
    await expectOnlyAWithheld();
    await signsAgain('a');
    expectGenuine(await ask('a'), 'a');
    expect(stage.federation.pid('verifier')).toBe(verifier);
  });

  it('are withheld while the token is gone, and signed when it is back, without a restart', async () => {
    const verifier = stage.federation.pid('verifier');
    const away = join(tokens.ofAll.folder, 'away');
    renameSync(join(tokens.ofAll.folder, 'tokens'), away);
    process.kill(processOf('all'), 'SIGKILL');
    await until('answers are withheld', async () => (await ask('a')).answer.status === 503);
    await expectOnlyAWithheld();
    renameSync(away, join(tokens.ofAll.folder, 'tokens'));
    await signsAgain('a');
    expectGenuine(await ask('a'), 'a');
    expect(stage.federation.pid('verifier')).toBe(verifier);
  });

  it('are signed or withheld, and nothing else, while the process is killed again and again', async () => {
    application.script = answering(200, JSON.stringify([adjustment({ rationale: MARK })]));
    for (let round = 0; round < 3; round += 1) {
      const asked = Array.from({ length: 30 }, () => stage.send('HTTP/2', feedback({ by: world.a })));
      await asked[5];
      process.kill(processOf('all'), 'SIGKILL');
      for (const answer of await Promise.all(asked)) {
        const isSigned = answer.status === 200 && answer.body.includes('"kid":"hsm-of-all"');
        const isWithheld = answer.status === 503 && !answer.body.includes(MARK);
        expect(isSigned || isWithheld).toBe(true);
      }
      await signsAgain('a');
    }
  });
});
