/** Report-only entries as they are compiled: what is in force, and what every load says of it. */
import { configurationText, createWorkspace, loaded, nowMs, type Workspace } from '../workspace.js';
import { givenUpWith, TOLERABLE_CODES } from '../../../../src/verify/report-only/tolerance.js';
import { REFUSAL_CODES } from '../../../../src/verify/refusal.js';

let workspace: Workspace;
beforeEach(() => (workspace = createWorkspace()));
afterEach(() => workspace.remove());

const day = 86_400_000;
const at = (ms: number): string => new Date(ms).toISOString();

function load(...entries: readonly object[]) {
  const reportOnly = entries.map((entry) => ({ until: at(nowMs + day), reason: 'roll-out', ...entry }));
  const { snapshot, warnings } = loaded(workspace.load(configurationText({ reportOnly })));
  return {
    entries: snapshot.reportOnly,
    warnings: warnings.map(({ path, message }) => `${path}: ${message}`),
  };
}

describe('reportOnly', () => {
  it('is absent where the file is silent', () => {
    expect(load().entries).toBeUndefined();
  });

  it('is said by every load, with its end, its scope and its reason', () => {
    const { entries, warnings } = load({
      policies: ['telemetry'],
      identities: ['producer-a'],
      checks: ['pin_mismatch'],
    });
    expect(entries).toEqual([
      {
        untilMs: nowMs + day,
        reason: 'roll-out',
        policies: new Set(['telemetry']),
        identities: new Set(['producer-a']),
        checks: new Set(['pin_mismatch']),
      },
    ]);
    expect(warnings).toContainEqual(
      `reportOnly[0]: REPORT-ONLY until ${at(nowMs + day)}, on "telemetry", for requests that name "producer-a": pin_mismatch is reported and let pass: roll-out`,
    );
  });

  it('has no entry any more that has ended, and loads all the same', () => {
    const { entries, warnings } = load({ until: at(nowMs), checks: ['pin_mismatch'] });
    expect(entries).toBeUndefined();
    expect(warnings.join('\n')).toContain('everything is enforced again');
  });

  it('ends at the moment, whatever its zone', () => {
    const { entries } = load({ until: '2027-01-30T23:59:59+02:00', checks: ['pin_mismatch'] });
    expect(entries?.[0]?.untilMs).toBe(Date.parse('2027-01-30T21:59:59Z'));
  });

  it('may last thirty days and no moment longer', () => {
    expect(load({ until: at(nowMs + 30 * day), checks: ['pin_mismatch'] }).entries).toHaveLength(1);
  });

  it.each([
    [['pin_mismatch', 'signature_invalid'], 'whoever Envoy lets connect passes'],
    [['tenant_mismatch'], 'may speak for tenants that are not its own'],
    [['replayed_nonce'], 'again and again'],
    [['header_missing'], 'has no effect without signature_invalid'],
    [['certificate_missing'], 'has no effect without pin_mismatch'],
  ])('warns of %j', (checks, words) => {
    expect(load({ checks }).warnings.join('\n')).toContain(words);
  });
});

it('knows of every code what would be given up', () => {
  for (const code of REFUSAL_CODES)
    expect(TOLERABLE_CODES.includes(code)).toBe(givenUpWith(code) !== 'never');
});
