/** Rounds of a rotation in a directory: each step on its own, what a crash leaves, and what is refused. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  chmodSync,
  mkdirSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePrivateKey } from '../../../../src/crypto/private-key.js';
import { keyStates } from '../../../../src/feedback/rotation.js';
import { nodeKeyFiles, type KeyFiles } from '../../../../src/keys/rotation/files.js';
import { parseManifest } from '../../../../src/keys/rotation/manifest.js';
import { rotateDomain, type DomainOutcome } from '../../../../src/keys/rotation/round.js';

const DAY = 86_400_000;
const START = Date.UTC(2026, 10, 1);
const schedule = { everyMs: 30 * DAY, announceMs: 2 * DAY, overlapMs: 2 * DAY };
const DEFAULT = { tenant: undefined, keys: [] };

let root: string;
let directory: string;
beforeEach(() => {
  root = join(mkdtempSync(join(tmpdir(), 'rotation-')), 'keys');
  directory = join(root, 'default');
});
afterEach(() => rmSync(join(root, '..'), { recursive: true }));

function round(nowMs: number, files: KeyFiles = nodeKeyFiles): DomainOutcome {
  return rotateDomain(DEFAULT, { directory: root, schedule, nowMs, files });
}

function good(nowMs: number): Extract<DomainOutcome, { kind: 'good' }> {
  const outcome = round(nowMs);
  if (outcome.kind !== 'good') throw new Error(outcome.reason);
  return outcome;
}

/** The keys that are there, once each file has been held against the list. */
function listed(): readonly {
  readonly kid: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}[] {
  const parsed = parseManifest(readFileSync(join(directory, 'manifest.json'), 'utf8'));
  if (!parsed.ok) throw new Error(parsed.message);
  for (const { kid, publicKey } of parsed.manifest.keys) {
    const key = parsePrivateKey(readFileSync(join(directory, `${kid}.key`)));
    expect(key.ok && Buffer.from(key.key.publicKey.raw).equals(publicKey)).toBe(true);
  }
  return parsed.manifest.keys;
}

/** Does so many steps, and then dies of the next one, before it or in the middle of it. */
function dying(steps: number, isHalfDone: boolean): KeyFiles {
  let left = steps;
  const die = (half: () => void): never => {
    if (isHalfDone) half();
    throw new Error('killed');
  };
  return {
    ...nodeKeyFiles,
    makeDirectory: (path) =>
      left-- > 0
        ? nodeKeyFiles.makeDirectory(path)
        : die(() => mkdirSync(join(path, '..'), { recursive: true })),
    put: (path, bytes) =>
      left-- > 0
        ? nodeKeyFiles.put(path, bytes)
        : die(() => writeFileSync(`${path}.new`, bytes.subarray(0, 9))),
    wipe: (path) => (left-- > 0 ? nodeKeyFiles.wipe(path) : die(() => writeFileSync(path, Buffer.alloc(32)))),
  };
}

const files = (): string[] => readdirSync(directory).sort();
const mode = (path: string): number => statSync(path).mode & 0o777;

test('the first round makes a key for its owner alone', () => {
  const { announced, keys, retired } = good(START);
  expect(announced).toMatchObject({ kid: keys[0]?.kid, notBeforeMs: START });
  expect(retired).toEqual([]);
  expect(listed()).toHaveLength(1);
  expect(files()).toEqual([`${announced?.kid}.key`, 'manifest.json']);
  expect(announced?.kid).toMatch(/^fb-20261101-[0-9a-f]{16}$/);
  expect([mode(root), mode(directory), ...files().map((name) => mode(join(directory, name)))]).toEqual([
    0o700, 0o700, 0o600, 0o600,
  ]);
});

test('three rotations: one key after the other, and every retired private half is gone', () => {
  let nowMs = START;
  const signers: (string | undefined)[] = [];
  while (nowMs <= START + 92 * DAY) {
    const { nextMs } = good(nowMs);
    signers.push(keyStates(listed(), nowMs).signs?.kid);
    expect(files()).toHaveLength(listed().length + 1);
    nowMs = nextMs;
  }
  expect(new Set(signers).size).toBe(4);
  expect(listed()).toHaveLength(1);
});

test('whatever step a process dies at, what it leaves is good, and the next round ends it', () => {
  for (const nowMs of [START, START + 28 * DAY, START + 32 * DAY])
    for (const isHalfDone of [false, true]) {
      for (let steps = 0; ; steps++) {
        rmSync(root, { recursive: true, force: true });
        for (const before of [START, START + 28 * DAY]) if (before < nowMs) good(before);
        const signing = nowMs === START ? undefined : keyStates(listed(), nowMs).signs?.kid;
        const outcome = round(nowMs, dying(steps, isHalfDone));
        if (signing !== undefined) expect(keyStates(listed(), nowMs).signs?.kid).toBe(signing);
        const next = good(nowMs);
        expect(keyStates(listed(), nowMs).signs?.kid ?? '').toMatch(signing ?? /^fb-/);
        expect(next.keys.map(({ kid }) => kid)).toEqual(listed().map(({ kid }) => kid));
        expect(files()).toEqual([...listed().map(({ kid }) => `${kid}.key`), 'manifest.json'].sort());
        if (outcome.kind === 'good') break;
        expect(outcome.reason).toBe('killed');
      }
    }
});

test('what is not ours stays, and stops nobody', () => {
  good(START);
  for (const name of ['notes.txt', 'other.key', 'fb-old.key']) writeFileSync(join(directory, name), 'x');
  good(START + 28 * DAY);
  expect(files()).toEqual(expect.arrayContaining(['notes.txt', 'other.key', 'fb-old.key']));
});

test('a list of a clock that was ahead is put right by hand as docs/keys.md says, and goes on', () => {
  const { keys } = good(START);
  const list = join(directory, 'manifest.json');
  const leapt = START + 400 * DAY;
  const { announced } = good(leapt);
  expect(round(START + DAY)).toMatchObject({ kind: 'failed' });
  expect(keyStates(listed(), START + DAY).signs?.kid).toBe(keys[0]?.kid);
  const found = JSON.parse(readFileSync(list, 'utf8')) as {
    readonly keys: readonly { readonly kid: string; readonly notAfter?: string }[];
  };
  const left = found.keys.filter(({ kid }) => kid !== announced?.kid);
  const ended = left.map((key) => ({ ...key, notAfter: undefined }));
  writeFileSync(
    list,
    JSON.stringify({ version: 1, written: new Date(START + DAY).toISOString(), keys: ended }),
  );
  const next = good(START + DAY);
  expect(next.keys).toHaveLength(1);
  expect(next.nextRotationMs).toBe(START + 30 * DAY);
  expect(files()).toEqual([`${keys[0]?.kid}.key`, 'manifest.json']);
});

describe('nothing is touched, and the reason is told', () => {
  const before = (): string =>
    JSON.stringify(files().map((name) => readFileSync(join(directory, name), 'hex')));

  test('when the list is cut off at any byte, or is something else', () => {
    good(START);
    const whole = readFileSync(join(directory, 'manifest.json'));
    const texts = [...whole.keys()].slice(0, -1).map((length) => whole.subarray(0, length));
    const others = [
      '[]',
      'null',
      '{"version":2}',
      '{"version":1,"written":"2026-11-01T00:00:00Z","keys":{}}',
    ];
    for (const text of [...texts, ...others]) {
      writeFileSync(join(directory, 'manifest.json'), text);
      const was = before();
      const outcome = round(START + 500 * DAY);
      expect(outcome).toMatchObject({ kind: 'failed' });
      expect(outcome.kind === 'failed' && outcome.reason).toContain(join(directory, 'manifest.json'));
      expect(before()).toBe(was);
    }
  });

  test('when the list is gone', () => {
    good(START);
    rmSync(join(directory, 'manifest.json'));
    const was = before();
    expect(round(START)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('is missing beside its keys') as string,
    });
    expect(before()).toBe(was);
  });

  test('when the clock is behind what it said before', () => {
    good(START);
    good(START + 28 * DAY);
    const was = before();
    expect(round(START + 27 * DAY)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('the clock is behind') as string,
    });
    expect(before()).toBe(was);
  });

  test('when others can get at the directory', () => {
    mkdirSync(directory, { recursive: true });
    chmodSync(directory, 0o755);
    expect(round(START)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('chmod 700') as string,
    });
    expect(files()).toEqual([]);
  });
});

test('lists of hostile form are refused, each with its place', () => {
  const key = { kid: 'k', publicKey: Buffer.alloc(32).toString('base64'), notBefore: '2026-11-01T00:00:00Z' };
  const of = (...keys: unknown[]): string =>
    JSON.stringify({ version: 1, written: '2026-11-01T00:00:00Z', keys });
  expect(parseManifest(of(key))).toMatchObject({ ok: true });
  for (const [text, message] of [
    [of(key, key), 'repeats in keys[1]'],
    [of({ ...key, kid: '../k' }), 'keys[0] no id'],
    [of({ ...key, publicKey: 'AAAA' }), 'no public key'],
    [of({ ...key, notBefore: '2026-11-01' }), 'no moment in "notBefore"'],
    [of({ ...key, notAfter: '2026-11-01T00:00:00Z' }), 'no later moment'],
    [of(...Array.from({ length: 65 }, () => key)), 'at most 64'],
    [of('__proto__'), 'no id'],
    ['{"version":1,"keys":[]}', 'no moment in "written"'],
  ] as const)
    expect(parseManifest(text)).toMatchObject({
      ok: false,
      message: expect.stringContaining(message) as string,
    });
});
