/** `keys.rotation`: what the loader takes and refuses, and the keys that it reads from the directory. */
import { rmSync, writeFileSync, readdirSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfiguration } from '../../../../src/config/load.js';
import type { LoadResult } from '../../../../src/config/settings.js';
import { activeKeyOf, domainOf } from '../../../../src/feedback/feedback-settings.js';
import { publishedKeys, toJwkSet } from '../../../../src/feedback/keyring.js';
import { rotateDomain } from '../../../../src/keys/rotation/round.js';
import { beginningWithFeedback } from '../../../support/feedback-configuration.js';
import { createWorkspace, loaded, nowMs, problemsOf, publicKeys, type Workspace } from '../workspace.js';

const TENANT = '11111111-1111-4111-8111-111111111111';
const DAY = 86_400_000;
const schedule = { everyMs: 30 * DAY, announceMs: 2 * DAY, overlapMs: 2 * DAY };

const yaml = (rotation: string, feedback = `{ tenants: { ${TENANT}: {} } }`): string => `
${beginningWithFeedback(TENANT, publicKeys.first)}feedback: ${feedback}
keys: { rotation: ${rotation} }
`;
const GOOD = '{ every: 30d, announce: 2d, overlap: 2d, directory: state/keys }';

let workspace: Workspace;
let root: string;
beforeEach(() => {
  workspace = createWorkspace();
  root = join(workspace.directory, 'state', 'keys');
});
afterEach(() => workspace.remove());

function rotate(atMs: number, tenant?: string): void {
  const outcome = rotateDomain({ tenant, keys: [] }, { directory: root, schedule, nowMs: atMs });
  if (outcome.kind === 'failed') throw new Error(outcome.reason);
}

function served(text = yaml(GOOD)): LoadResult {
  const file = join(workspace.directory, 'countersign.yaml');
  writeFileSync(file, text);
  return loadConfiguration(file, { generation: 1, nowMs, isForServing: true });
}

test('before the first round a domain has no key, which is a warning', () => {
  const { warnings, settings } = loaded(workspace.load(yaml(GOOD)));
  expect(settings.keyRotation).toEqual({ directory: root, schedule });
  expect(warnings.map(({ path }) => path)).toEqual(['feedback.keys', `feedback.tenants.${TENANT}.keys`]);
});

test('keys of the directory sign, are announced and verify, each domain its own', () => {
  for (const at of [nowMs - 29 * DAY, nowMs - DAY]) rotate(at);
  rotate(nowMs, TENANT);
  const { snapshot, filesRead } = loaded(workspace.load(yaml(GOOD)));
  const { feedback } = snapshot;
  if (feedback === undefined) throw new Error('there is no section');
  const { defaultDomain } = feedback;
  expect(defaultDomain.keys).toHaveLength(2);
  expect(activeKeyOf(defaultDomain, nowMs)).toBe(defaultDomain.keys[0]);
  expect(activeKeyOf(defaultDomain, nowMs + DAY)).toBe(defaultDomain.keys[1]);
  expect(domainOf(feedback, TENANT).keys).toHaveLength(1);
  const bounds = toJwkSet(publishedKeys(feedback, nowMs, 'another')).keys.map(({ nbf, exp }) => [nbf, exp]);
  expect(bounds).toEqual([
    [(nowMs - 29 * DAY) / 1000, (nowMs + 3 * DAY) / 1000],
    [(nowMs + DAY) / 1000, undefined],
  ]);
  expect(publishedKeys(feedback, nowMs + 3 * DAY, 'another')).toEqual([defaultDomain.keys[1]]);
  expect(filesRead.filter((file) => file.startsWith(root))).toHaveLength(5);
});

test('a domain with activeKid gets no keys of the directory', () => {
  rotate(nowMs);
  const feedback = '{ keys: [{ kid: fb, privateKeyFile: keys/fb-2026.pem }], activeKid: fb }';
  const { snapshot, warnings } = loaded(workspace.load(yaml(GOOD, feedback)));
  expect(snapshot.feedback?.defaultDomain.keys.map(({ kid }) => kid)).toEqual(['fb']);
  expect(warnings.map(({ message }) => message)).toContainEqual(expect.stringContaining('rotates nothing'));
});

describe('a directory that cannot be read', () => {
  const breaks: readonly (readonly [string, (directory: string, key: string) => void, string])[] = [
    ['a list that was edited', (at) => writeFileSync(join(at, 'manifest.json'), '{}'), 'is not of version 1'],
    ['a list that is gone', (at) => rmSync(join(at, 'manifest.json')), 'is missing'],
    ['a key that is gone', (_, key) => rmSync(key), 'does not exist'],
    ['a key that is open', (_, key) => chmodSync(key, 0o644), 'mode 0644'],
    ['another key', (_, key) => writeFileSync(key, Buffer.alloc(32, 7)), 'is another key'],
    ['half a key', (_, key) => writeFileSync(key, Buffer.alloc(16, 7)), 'cannot be used'],
  ];

  test.each(breaks)(
    '%s is refused by check-config, and costs only its own domain its answers',
    (_, damage, message) => {
      rotate(nowMs);
      rotate(nowMs, TENANT);
      const directory = join(root, 'tenants', TENANT);
      const key = readdirSync(directory).find((name) => name.endsWith('.key')) ?? '';
      damage(directory, join(directory, key));
      const problems = problemsOf(workspace.load(yaml(GOOD)));
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatchObject({ path: 'keys.rotation.directory' });
      expect(problems[0]?.message).toContain(message);
      expect(problems[0]?.message).toContain(directory);
      const { snapshot, warnings } = loaded(served());
      expect(warnings).toContainEqual({
        path: 'keys.rotation.directory',
        message: expect.stringContaining(message) as string,
      });
      const { feedback } = snapshot;
      expect(feedback && activeKeyOf(domainOf(feedback, TENANT), nowMs)).toBeUndefined();
      expect(feedback && activeKeyOf(feedback.defaultDomain, nowMs)).toBeDefined();
    },
  );

  test('no key of the file takes the place of what cannot be read', () => {
    rotate(nowMs);
    writeFileSync(join(root, 'default', 'manifest.json'), '{}');
    const { snapshot } = loaded(
      served(yaml(GOOD, '{ keys: [{ kid: fb, privateKeyFile: keys/fb-2026.pem }] }')),
    );
    expect(snapshot.feedback?.defaultDomain.keys).toEqual([]);
  });
});

test.each([
  ['{ every: 30d, announce: 2d, overlap: 28d, directory: d }', 'every', 'is not longer'],
  ['{ every: 30d, announce: 2s, overlap: 2d, directory: d }', 'announce', 'is shorter'],
  ['{ every: 9999d, announce: 2d, overlap: 2d, directory: d }', 'every', 'longer than ten years'],
  ['{ every: 30d, announce: 2d, overlap: 2d, directory: /proc/d }', 'directory', 'file system of the kernel'],
  ['{ every: 30 d, announce: 2d, overlap: 2d, directory: d }', 'every', 'a whole number and its unit'],
  ['{ every: 0d, announce: 2d, overlap: 2d, directory: d }', 'every', 'a whole number and its unit'],
])('%s is refused', (rotation, member, message) => {
  const problems = problemsOf(workspace.load(yaml(rotation)));
  expect(problems.map(({ path }) => path)).toEqual([`keys.rotation.${member}`]);
  expect(problems[0]?.message).toContain(message);
});

test('a domain that nothing makes keys for needs one', () => {
  const problems = problemsOf(workspace.load(yaml(GOOD, '{ activeKid: fb }')));
  expect(problems.map(({ path }) => path)).toEqual(['feedback.keys', 'feedback.activeKid']);
});
