/** What the record says of a request, and how much of it the client is told. */
import { PATHS } from '../../../tools/local-federation/bodies.js';
import type { AuditRecord } from '../support/audit-reader.js';
import { refusalBody } from '../support/expectations.js';
import { headerOf, replacing, type Outgoing, type Protocol } from '../support/outgoing.js';
import { bundle, nowSeconds, signedBytes, telemetry } from '../support/requests.js';
import type { Stage } from '../support/stage.js';
import { NOTES_MAX_BYTES, worldOf, type World } from '../support/world.js';
import { attributes, member, without } from './body-changes.js';

interface Lesson {
  readonly title: string;
  readonly make: (world: World) => Outgoing;
  /** Members that the record has to have. */
  readonly recorded: Partial<AuditRecord>;
  /** What the client is told besides code and message. */
  readonly told: object;
}

const fault = (problem: string, pointer: string) => ({ problem, pointer });

/** Recorded, and told as well. */
const proven = (title: string, about: object, make: Lesson['make']): Lesson => ({
  title: `${title}: the record says so, and so does the answer`,
  make,
  recorded: { ...about, method: 'POST', path: PATHS.telemetry, kid: 'default' },
  told: about,
});

const LESSONS: readonly Lesson[] = [
  proven('a member that is missing', fault('missing', '/campaign_id'), ({ a }) =>
    telemetry({ by: a, change: without('campaign_id') }),
  ),
  proven('a member of the wrong type', fault('wrong_type', '/campaign_id'), ({ a }) =>
    telemetry({ by: a, change: member('campaign_id', 7) }),
  ),
  proven('a member too many', fault('undeclared_member', ''), ({ a }) =>
    telemetry({ by: a, change: member('admin', true) }),
  ),
  proven(
    'a schema version that is not allowed',
    fault('not_allowed', '/payload/attributes/schema_version'),
    ({ a }) => telemetry({ by: a, change: attributes({ schema_version: 'v0' }) }),
  ),
  proven('a byte behind the JSON', { problem: 'trailing_bytes' }, ({ a }) =>
    telemetry({ by: a, rewrite: (text) => `${text}!` }),
  ),
  proven('a tenant that the operator is not mapped to', fault('not_allowed', '/tenant_id'), ({ a }) => {
    const tenant = '99999999-9999-4999-8999-999999999999';
    return telemetry({
      by: a,
      change: (body) => ({
        ...body,
        tenant_id: tenant,
        signed_metadata: { ...(body['signed_metadata'] as object), tenant_id: tenant },
      }),
    });
  }),
  {
    title: 'a bundle is its own proof, so before that has verified nothing is told of it',
    make: ({ a }) => bundle({ by: a, rewrite: (text) => text.replace('"nonce"', '"extra":1,"nonce"') }),
    recorded: { ...fault('undeclared_member', '/bundle'), method: 'POST', path: PATHS.bundle },
    told: {},
  },
  {
    title: 'a stale request by a key that it names: how stale, and which limit it passed',
    make: ({ a }) => telemetry({ by: a, kid: 'default', timestamp: nowSeconds() - 1_000 }),
    recorded: {
      claimed_kid: 'default',
      limit: 'freshness.pastSkewSeconds',
      limit_value: expect.any(Number) as number,
      skew_seconds: expect.any(Number) as number,
    },
    told: {},
  },
  {
    title: 'a body that is too large: which limit it passed',
    make: ({ a }) => signedBytes({ by: a }, '/notes', Buffer.alloc(NOTES_MAX_BYTES + 1)),
    recorded: { limit: 'maxBodyBytes', limit_value: NOTES_MAX_BYTES, path: '/notes' },
    told: {},
  },
  {
    title: 'a forged request for a path with a query: the path alone',
    make: ({ a }) => {
      const outgoing = { ...signedBytes({ by: a }, '/search?token=secret', Buffer.alloc(0)), method: 'GET' };
      return replacing(
        { ...outgoing, framing: 'none' },
        'X-Telemetry-Nonce',
        `${headerOf(outgoing, 'X-Telemetry-Nonce')}x`,
      );
    },
    recorded: { code: 'signature_invalid', method: 'GET', path: '/search' },
    told: {},
  },
];

/** The skew is that of the request: negative is the past. */
function expectSkew({ skew_seconds: skew }: AuditRecord, outgoing: Outgoing): void {
  if (skew === undefined) return;
  const sent = Number(headerOf(outgoing, 'X-Telemetry-Timestamp')) - nowSeconds();
  expect(Math.abs(skew - sent)).toBeLessThanOrEqual(10);
}

export function describeWhatIsLearnt(protocol: Protocol, stage: () => Stage): void {
  describe('what is learnt of a refusal', () => {
    test.each(LESSONS)('$title', async ({ make, recorded, told }) => {
      const outgoing = make(worldOf(stage().federation.credentials));
      const seen = await stage().exchange(protocol, outgoing);
      const [record, ...more] = seen.records;
      if (record === undefined || more.length > 0) throw new Error(`${seen.records.length} records`);
      expect(record).toMatchObject(recorded);
      expect(JSON.stringify(record)).not.toContain('secret');
      expectSkew(record, outgoing);
      const [error] = refusalBody(seen).errors;
      const { code, message, offset, ...rest } = error ?? { code: '', message: '' };
      expect([code, message]).not.toContain('');
      expect(offset).toBe(record.kid === undefined ? undefined : record.offset);
      expect(rest).toEqual(told);
    });
  });
}
