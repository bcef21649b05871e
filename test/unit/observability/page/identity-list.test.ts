import {
  IDENTITIES_PER_PAGE,
  listIdentities,
  stateOf,
  type IdentityQuery,
} from '../../../../src/observability/page/identity-list.js';
import type { Identity } from '../../../../src/verify/snapshot.js';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

function identity(name: string, endMs = Infinity, more: Partial<Identity> = {}): Identity {
  const interval = { notBeforeMs: -Infinity, notAfterMs: endMs };
  const fingerprint = Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);
  return {
    name,
    revoked: false,
    keys: [
      {
        kid: `kid-of-${name}`,
        purposes: ['request'],
        publicKey: { fingerprint, raw: new Uint8Array(32), fingerprintBytes: Buffer.alloc(32) },
        ...interval,
      },
    ],
    pins: [{ kind: 'certificate', sha256: fingerprint, notBeforeMs: -Infinity, notAfterMs: Infinity }],
    operators: undefined,
    attestations: new Set(['a']),
    ...more,
  };
}

const until = (notAfterMs: number) => ({ notBeforeMs: -Infinity, notAfterMs });
const mapOf = (...all: readonly Identity[]): Map<string, Identity> =>
  new Map(all.map((one) => [one.name, one]));
const query = (more: Partial<IdentityQuery> = {}): IdentityQuery => ({
  find: '',
  state: 'all',
  from: 0,
  ...more,
});

describe('the state of an identity', () => {
  it.each([
    ['usable', identity('a')],
    ['usable', identity('a', NOW + 31 * DAY)],
    ['ending', identity('a', NOW + 29 * DAY)],
    ['unusable', identity('a', NOW)],
    ['unusable', identity('a', Infinity, { pins: [] })],
    ['revoked', identity('a', Infinity, { revoked: true })],
  ])('is %s', (state, one) => expect(stateOf(one, NOW)).toBe(state));
});

describe('a page of identities', () => {
  it('is empty where there are none', async () => {
    expect(await listIdentities(new Map(), query(), NOW)).toEqual({
      total: 0,
      matching: 0,
      from: 0,
      identities: [],
    });
  });

  it('shows keys and pins with what is open left open', async () => {
    const { identities } = await listIdentities(mapOf(identity('producer', NOW + 40 * DAY)), query(), NOW);
    expect(identities).toMatchObject([
      {
        name: 'producer',
        state: 'usable',
        keys: [{ kid: 'kid-of-producer', notBeforeMs: undefined, notAfterMs: NOW + 40 * DAY, isValid: true }],
        pins: [{ kind: 'certificate', notAfterMs: undefined, isValid: true }],
        operators: undefined,
        attestations: 1,
      },
    ]);
  });

  it('shows names with their authority, those of the mesh without, and finds them', async () => {
    const named = identity('named', Infinity, {
      pins: [],
      certificateNames: [
        { kind: 'dns', name: 'P.example.org', authority: 'ca', issuedFromMs: -Infinity, ...until(NOW + DAY) },
      ],
      meshNames: [{ name: 'spiffe://example.org/p', ...until(NOW) }],
    });
    for (const find of ['p.example.ORG', 'spiffe://']) {
      const { identities } = await listIdentities(mapOf(identity('other'), named), query({ find }), NOW);
      expect(identities).toMatchObject([
        {
          name: 'named',
          state: 'ending',
          pins: [],
          names: [
            { name: 'P.example.org', authority: 'ca', notAfterMs: NOW + DAY, isValid: true },
            { name: 'spiffe://example.org/p', authority: undefined, isValid: false },
          ],
        },
      ]);
    }
    expect((await listIdentities(mapOf(identity('other')), query(), NOW)).identities[0]?.names).toEqual([]);
  });

  it('has a bounded part of twenty thousand, found by name, key and hash, and lets others have their turn', async () => {
    const all = mapOf(...Array.from({ length: 20_000 }, (_, at) => identity(`producer-${at}`)));
    let turns = 0;
    const ticking = setInterval(() => turns++);
    const page = await listIdentities(all, query({ from: 100 }), NOW);
    expect([page.total, page.matching, page.identities.length]).toEqual([
      20_000,
      20_000,
      IDENTITIES_PER_PAGE,
    ]);
    expect(page.identities[0]?.name).toBe('producer-100');
    expect(turns).toBeGreaterThan(0);
    clearInterval(ticking);
    const found = await listIdentities(all, query({ find: 'KID-OF-producer-19999' }), NOW);
    expect(found.identities.map(({ name }) => name)).toEqual(['producer-19999']);
    const hash = Buffer.from('producer-7777').toString('hex');
    expect((await listIdentities(all, query({ find: hash }), NOW)).matching).toBe(1);
    expect((await listIdentities(all, query({ state: 'revoked' }), NOW)).matching).toBe(0);
    expect((await listIdentities(all, query({ from: 9_999_999 }), NOW)).identities).toEqual([]);
  });
});
