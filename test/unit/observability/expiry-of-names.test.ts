/** When names and the CA certificates that they rest on end: what is shown of them, and what nobody has to renew. */
import { X509Certificate } from 'node:crypto';
import type { Configuration } from '../../../src/config/settings.js';
import { CertificateAuthority } from '../../../src/crypto/authority.js';
import { soonestEnds } from '../../../src/observability/expiry-gauge.js';
import type { Identity } from '../../../src/verify/snapshot.js';
import { testAuthority } from '../../support/named-certificates.js';
import { IDENTITY, makeSnapshot, NOW_MS } from '../../support/snapshots.js';

const HOUR = 3_600_000;
/** Whole seconds, as certificates have them; the last second counts. */
const CA_END_MS = Math.floor((NOW_MS + 9 * HOUR) / 1000) * 1000;
const ca = await testAuthority('the CA', { notBeforeMs: NOW_MS - HOUR, notAfterMs: CA_END_MS });

const named = (name: string, notAfterMs: number, notBeforeMs = 0) =>
  ({ kind: 'dns', authority: 'ca', issuedFromMs: 0, name, notBeforeMs, notAfterMs }) as const;
const meshed = (name: string, notAfterMs: number) => ({ name, notBeforeMs: 0, notAfterMs });

async function endsOf(identity: Partial<Identity>, nowMs = NOW_MS): Promise<unknown[]> {
  const authority = new CertificateAuthority('ca', undefined, [new X509Certificate(ca.certificate)]);
  const snapshot = makeSnapshot({ identity, authorities: new Map([['ca', authority]]) });
  const configuration = { snapshot, settings: { envoy: undefined } } as unknown as Configuration;
  const ends = await soonestEnds(
    () => configuration,
    () => nowMs,
  )();
  return ends.map(({ kind, owner, name, endMs }) => [kind, owner, name, endMs]);
}

const caEnd = ['authority', 'ca', 'CN=the CA', CA_END_MS + 1000];

it('shows the ends of names and of CA certificates', async () => {
  const certificateNames = [named('a.example', NOW_MS + HOUR), named('for-ever.example', Infinity)];
  expect(await endsOf({ certificateNames, meshNames: [meshed('spiffe://d/p', NOW_MS + 2 * HOUR)] })).toEqual([
    ['name', IDENTITY, 'a.example', NOW_MS + HOUR],
    ['name', IDENTITY, 'spiffe://d/p', NOW_MS + 2 * HOUR],
    caEnd,
  ]);
});

it('shows an ended name until another one counts, and none of a revoked identity', async () => {
  const [ended, later] = [named('old', NOW_MS - HOUR), named('new', NOW_MS + HOUR, NOW_MS + 1)];
  const shown = await endsOf({ certificateNames: [ended, later] });
  expect(shown.map((end) => (end as string[])[2])).toEqual(['old', 'new', 'CN=the CA']);
  const after = await endsOf({ certificateNames: [ended, later] }, NOW_MS + 1);
  expect(after.map((end) => (end as string[])[2])).toEqual(['new', 'CN=the CA']);
  expect(await endsOf({ certificateNames: [later], revoked: true })).toEqual([caEnd]);
});
