/**
 * Report-only through a real Envoy: every refusal of the case tables, with all of it let pass that may be, reaches the
 * application with a header that says so, or is refused as ever. And it ends at its moment, by the clock alone.
 */
import { fetchPage } from '../../tools/local-federation/health.js';
import { TOLERABLE_CODES } from '../../src/verify/report-only/tolerance.js';
import { until } from '../support/until.js';
import { REFUSAL_TABLES } from './cases/refused.js';
import { arrivalOf, ours, values } from './support/arrivals.js';
import { expectRefusal } from './support/expectations.js';
import { adding } from './support/outgoing.js';
import { everything, reportOnly } from './support/report-only.js';
import { telemetry } from './support/requests.js';
import { Stage } from './support/stage.js';
import { worldConfiguration, worldOf, type World } from './support/world.js';

const HEADER = 'x-countersign-would-refuse';

let stage: Stage;
let world: World;

beforeAll(async () => {
  stage = await Stage.open({ patchConfiguration: worldConfiguration });
  world = worldOf(stage.federation.credentials);
  await reportOnly(stage, everything);
}, 120_000);
afterAll(() => stage.close(), 90_000);

describe.each(REFUSAL_TABLES)('%s', (_title, cases) => {
  test.each(cases.map((one) => [one.title, one] as const))('%s', async (_name, { make, refused, on }) => {
    const seen = await stage.exchange(on ?? 'HTTP/1.1', adding(make(world), [HEADER, 'of a client']));
    if (seen.records[0]?.code !== 'would_refuse') {
      // An answer to HEAD has no body to look at.
      if (seen.records[0]?.method === 'HEAD') expect(seen.arrivals).toEqual([]);
      else expectRefusal(seen, refused);
      const why = (seen.records[0] as { readonly not_tolerated?: string }).not_tolerated ?? refused.audit;
      expect(TOLERABLE_CODES).not.toContain(why);
      return;
    }
    expect(seen.records).toEqual([expect.objectContaining({ would_refuse: refused.audit, status: 200 })]);
    const arrival = arrivalOf(seen);
    expect(values(arrival, HEADER)).toEqual([refused.audit]);
    expect(values(arrival, 'x-countersign-request-id')).toEqual([seen.records[0].decision_id]);
    if (seen.records[0].kid === undefined || seen.records[0].identity === undefined)
      expect(ours(arrival).sort()).toEqual(['x-countersign-request-id', HEADER]);
  });
});

async function status(): Promise<{ readonly report_only: readonly object[] }> {
  const page = await fetchPage(`${stage.federation.environment.COUNTERSIGN_ADMIN_URL}/status`);
  return JSON.parse(page.body) as { readonly report_only: readonly object[] };
}

const statusOf = async (by: World['a']): Promise<number> =>
  (await stage.send('HTTP/1.1', telemetry({ by, timestamp: 1_700_000_000 }))).status;

// The last test, as it leaves everything enforced.
test('an entry is for whom it names, is shown while it lasts, and ends by the clock', async () => {
  const endMs = Date.now() + 15_000;
  const checks = ['timestamp_outside_window'];
  await reportOnly(stage, {
    ...everything,
    until: new Date(endMs).toISOString(),
    identities: ['producer-a'],
    checks,
  });
  expect((await status()).report_only).toHaveLength(1);
  expect(await statusOf(world.b)).toBe(401);
  const before = await statusOf(world.a);
  // A machine that took longer than the entry lasts has shown nothing of this.
  if (Date.now() < endMs) expect(before).toBeLessThan(300);
  await until('the entry has ended', async () => (await status()).report_only.length === 0);
  expect(Date.now()).toBeGreaterThanOrEqual(endMs);
  expect(await statusOf(world.a)).toBe(401);
}, 120_000);
