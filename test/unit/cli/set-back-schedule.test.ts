/** `rotate-key --feedback --clock-is`, on directories that a schedule has written by a clock that was ahead. */
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyStates } from '../../../src/feedback/rotation.js';
import { manifestText, parseManifest } from '../../../src/keys/rotation/manifest.js';
import { rotateDomain } from '../../../src/keys/rotation/round.js';
import { beginningWithFeedback } from '../../support/feedback-configuration.js';
import { publicKeys } from '../config/workspace.js';
import { NOW_SECONDS, run } from './test-world.js';

const NOW = NOW_SECONDS * 1000;
/** When the commands of tests run. */
const COMMAND_MS = NOW + 999;
const DAY = 86_400_000;
const SCHEDULE = { everyMs: 30 * DAY, announceMs: 2 * DAY, overlapMs: 2 * DAY };
const TENANT = '11111111-1111-4111-8111-111111111111';
const iso = (ms: number): string => new Date(ms).toISOString();

const YAML = `${beginningWithFeedback(TENANT, publicKeys.first)}keys:
  rotation: { every: 30d, announce: 2d, overlap: 2d, directory: state }
feedback:
  tenants: { ${TENANT}: {} }
`;

let directory: string;
let file: string;
let root: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-set-back-'));
  [file, root] = [join(directory, 'countersign.yaml'), join(directory, 'state')];
  writeFileSync(file, YAML, { mode: 0o640 });
});
afterEach(() => rmSync(directory, { recursive: true }));

function round(nowMs: number, tenant?: string) {
  return rotateDomain({ tenant, keys: [] }, { directory: root, schedule: SCHEDULE, nowMs });
}

const listFile = (domain = 'default'): string => join(root, domain, 'manifest.json');

function list(domain?: string) {
  const parsed = parseManifest(readFileSync(listFile(domain), 'utf8'));
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.manifest;
}

const setBack = (...args: string[]) =>
  run(['rotate-key', file, '--feedback', '--clock-is', iso(NOW), ...args]);

/** The first key signs; then a clock that is 29 days ahead announces another one. */
function ahead(tenant?: string): void {
  round(NOW - DAY, tenant);
  round(NOW + 29 * DAY, tenant);
}

test('sets a list back: what was announced goes, what signs goes on, and the schedule with it', async () => {
  ahead();
  const [first, second] = list().keys;
  expect([list().keys.length, Number.isFinite(first?.notAfterMs)]).toEqual([2, true]);
  expect(round(NOW)).toMatchObject({
    kind: 'failed',
    reason: expect.stringContaining('--clock-is') as string,
  });
  const { mode } = statSync(listFile());
  const { code, out, err } = await setBack();
  expect([code, err]).toEqual([0, '']);
  expect(out).toContain(`key ${second?.kid} goes, as it would begin in the future`);
  expect(out).toContain(`key ${first?.kid} goes on, without an end`);
  expect(out).toContain(`key ${first?.kid} signs`);
  expect(list()).toEqual({ writtenMs: COMMAND_MS, keys: [{ ...first, notAfterMs: Infinity }] });
  expect(statSync(listFile()).mode).toBe(mode);
  expect(readdirSync(join(root, 'default'))).toHaveLength(3);
  expect(round(NOW)).toMatchObject({ kind: 'good', announced: undefined, retired: [] });
  expect(readdirSync(join(root, 'default')).sort()).toEqual([`${first?.kid}.key`, 'manifest.json']);
  const again = await setBack();
  expect([again.code, again.err]).toEqual([1, 'no list is ahead of the clock: nothing has changed\n']);
});

test('brings no key back that has ended, whatever clock ended it', async () => {
  ahead();
  const text = readFileSync(listFile(), 'utf8').replace(
    /"notAfter": "[^"]*"/,
    `"notAfter": "${iso(NOW - 1_000)}"`,
  );
  writeFileSync(listFile(), text);
  const { code, out } = await setBack();
  expect(code).toBe(0);
  expect(out).toContain('NO KEY is left that signs: a new one signs at once');
  expect(list().keys).toMatchObject([{ notAfterMs: NOW - 1_000 }]);
  expect(keyStates(list().keys, NOW).signs).toBeUndefined();
  expect(round(NOW)).toMatchObject({
    kind: 'good',
    announced: { notBeforeMs: NOW },
    retired: [expect.any(String)],
  });
});

test('leaves an end alone that no other key gave', async () => {
  round(NOW + 40 * DAY);
  const [key] = list().keys;
  if (key === undefined) throw new Error('there is no key');
  const own = { ...key, notBeforeMs: NOW - DAY, notAfterMs: NOW + DAY };
  writeFileSync(listFile(), manifestText({ writtenMs: NOW + 40 * DAY, keys: [own] }));
  const { code, out } = await setBack();
  expect(code).toBe(0);
  expect(out).not.toContain('without an end');
  expect(list()).toEqual({ writtenMs: COMMAND_MS, keys: [own] });
});

test('of a directory that a clock ahead has begun nothing is left, and the next key signs at once', async () => {
  round(NOW + 40 * DAY);
  expect((await setBack()).out).toContain('NO KEY is left');
  expect(list().keys).toEqual([]);
  expect(round(NOW)).toMatchObject({ kind: 'good', announced: { notBeforeMs: NOW } });
});

test('a dry run changes nothing, and JSON says the same', async () => {
  ahead();
  const before = readFileSync(listFile(), 'utf8');
  const { code, out } = await setBack('--dry-run', '--json');
  const [first, second] = list().keys;
  expect([code, readFileSync(listFile(), 'utf8')]).toEqual([0, before]);
  expect(JSON.parse(out)).toEqual({
    dry_run: true,
    lists: [
      {
        domain: 'default',
        list: listFile(),
        written: iso(NOW + 29 * DAY).replace('.000Z', 'Z'),
        removed: [second?.kid],
        reopened: first?.kid,
        signs: first?.kid,
      },
    ],
  });
  expect((await setBack('--dry-run')).out).toContain('would be set back');
});

test('lists that are not ahead, or of other tenants than the one that is named, stay as they are', async () => {
  ahead(TENANT);
  round(NOW);
  const before = readFileSync(listFile(), 'utf8');
  expect((await setBack('--tenant', TENANT)).code).toBe(0);
  expect(readFileSync(listFile(), 'utf8')).toBe(before);
  expect(list(`tenants/${TENANT}`).keys).toHaveLength(1);
});

test('a list that cannot be used is told of, and costs no other one anything', async () => {
  ahead(TENANT);
  ahead();
  mkdirSync(join(root, 'other'));
  const text = readFileSync(listFile(), 'utf8');
  writeFileSync(join(root, 'other', 'manifest.json'), text);
  rmSync(listFile());
  // As a list with a hard link elsewhere, which would stay as it is.
  linkSync(join(root, 'other', 'manifest.json'), listFile());
  const { code, err } = await setBack();
  expect(code).toBe(3);
  expect(err).toContain('hard links');
  expect(readFileSync(listFile(), 'utf8')).toBe(text);
  expect(list(`tenants/${TENANT}`).keys).toHaveLength(1);
});

test.each<[string, string[], number, RegExp]>([
  [
    'another time than the clock',
    ['--feedback', '--clock-is', iso(NOW + 3_600_000)],
    2,
    /set the clock first/,
  ],
  ['what its own clock would tell', ['--feedback', '--clock-is', '1s'], 2, /another clock/],
  ['a key of an identity', ['--identity', 'producer-a', '--clock-is', iso(NOW)], 2, /makes no key/],
  ['no kind of key', ['--clock-is', iso(NOW)], 2, /--feedback/],
  ['an id for a key', ['--feedback', '--kid', 'fb-1', '--clock-is', iso(NOW)], 2, /makes no key/],
  [
    'a tenant without keys on schedule',
    ['--feedback', '--clock-is', iso(NOW), '--tenant', '22222222-2222-4222-8222-222222222222'],
    1,
    /has no keys on schedule for tenant 2222/,
  ],
])('is refused with %s', async (_title, args, code, words) => {
  ahead();
  const before = readFileSync(listFile(), 'utf8');
  const result = await run(['rotate-key', file, ...args]);
  expect([result.code, readFileSync(listFile(), 'utf8')]).toEqual([code, before]);
  expect(result.err).toMatch(words);
});

test('is refused where nothing is on schedule', async () => {
  writeFileSync(
    file,
    YAML.replace(/keys:\n  rotation.*\n/, '')
      .replace(/feedback:\n.*\n/, '')
      .replace(/policies:\n.*\n/, 'policies: [{ name: t, profile: federation.telemetry }]\n'),
  );
  expect(await setBack()).toMatchObject({
    code: 1,
    err: expect.stringContaining('no keys on schedule') as string,
  });
});
