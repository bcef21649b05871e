/** Answers whose key stays in a source, from Envoy's messages to the source and back: signed there, or withheld. */
import { fastVerifier } from '../../../../src/crypto/engines.js';
import { SigningSources } from '../../../../src/keys/signing-sources.js';
import { signRemotely } from '../../../../src/serve/key-sources/open-key-sources.js';
import { FakeKeySource, remoteKey, type Conduct } from '../../../support/fake-key-source.js';
import {
  adjustment,
  ALLOWED,
  fakeSigner,
  GOOD_HEADERS,
  signingSnapshot,
} from '../../../support/fake-signer.js';
import { bodyMessage } from '../../../support/processing-messages.js';
import { TENANT } from '../../../support/snapshots.js';

const OTHER = '22222222-2222-4222-8222-222222222222';
const own = remoteKey('own');
const other = remoteKey('other');
const domain = (key: typeof own) => ({ keys: [key], activeKid: undefined });
const snapshot = signingSnapshot({
  defaultDomain: domain(own),
  tenantDomains: new Map([[OTHER, domain(other)]]),
});

let source: FakeKeySource;
let sources: SigningSources;
let signer: ReturnType<typeof fakeSigner>;
beforeEach(() => {
  source = new FakeKeySource();
  sources = new SigningSources({
    sources: [{ source, timeoutMilliseconds: 30_000 }],
    verifier: fastVerifier(),
    observer: { up: () => undefined, down: () => undefined, result: () => undefined },
    monotonicMs: () => performance.now(),
  });
  sources.follow([own, other]);
  signer = fakeSigner({
    snapshot: () => snapshot,
    sign: (key, message, tenant) => {
      if (key.kind !== 'remote') throw new Error('no key is here');
      return signRemotely(sources, key, message, tenant);
    },
  });
});
afterEach(() => sources.close());

const answer = async (tenant: string) => {
  const stream = signer.open();
  await stream.headers({ ...GOOD_HEADERS, context: { ...ALLOWED, tenant } });
  return { stream, read: stream.send(bodyMessage(JSON.stringify([adjustment({ tenant_id: tenant })]))) };
};
const kidOf = (body: string | undefined): unknown => (JSON.parse(body ?? '{}') as { kid?: string }).kid;

it('is signed by the source, with the key of its tenant', async () => {
  expect(kidOf((await (await answer(TENANT)).read).body)).toBe('own');
  expect(kidOf((await (await answer(OTHER)).read).body)).toBe('other');
  expect(signer.defects).toEqual([]);
});

it.each<Conduct>([
  'signs with another key',
  'signs something else',
  'gives 63 bytes',
  'rejects',
  { fault: 'away' },
])('is withheld with 503 where the source %p, and recorded', async (conduct) => {
  source.conducts.set('own', conduct);
  const read = await (await answer(TENANT)).read;
  expect(read.status).toBe(503);
  expect(JSON.stringify(read)).not.toContain('tighten');
  expect(signer.audit.last()).toMatchObject({ code: 'signer_unavailable', status: 503 });
  expect(signer.defects).toEqual([]);
});

it("waits for its own key alone: another tenant's answers are signed meanwhile", async () => {
  await (
    await answer(TENANT)
  ).read;
  source.conducts.set('own', 'hangs');
  const hanging = await Promise.all(Array.from({ length: 20 }, () => answer(TENANT)));
  for (let time = 1; time <= 20; time++) expect(kidOf((await (await answer(OTHER)).read).body)).toBe('other');
  source.conducts.set('own', 'signs');
  source.release();
  await Promise.all(hanging.map(({ read }) => read));
});

it('is not signed in the record where Envoy has gone meanwhile', async () => {
  await (
    await answer(TENANT)
  ).read;
  source.conducts.set('own', { slowMilliseconds: 50 });
  const { stream, read } = await answer(TENANT);
  stream.session.close();
  await read;
  expect(signer.audit.lines.at(-1)).toContain('answer_missing');
});
