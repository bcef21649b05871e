/** Files that commands read and write, where the system says no: plain words, exit code 3, and nothing half-made stays. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './test-world.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'countersign-files-'));
  writeFileSync(join(directory, 'file'), 'VV_TG_REQUIRE_MTLS=1\n');
  symlinkSync('loop', join(directory, 'loop'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const places = [
  ['under a file', 'file', 'lies under something that is no directory'],
  ['under a loop of links', 'loop', '(ELOOP)'],
  ['with a name that is too long', 'x'.repeat(300), '(ENAMETOOLONG)'],
] as const;

const commands: readonly (readonly [string, (place: string) => string[]])[] = [
  ['pki init', (place) => ['pki', 'init', place]],
  ['keygen', (place) => ['keygen', '--out', place]],
  ['fingerprint', (place) => ['fingerprint', join(place, 'a')]],
  ['sign', (place) => ['sign', '-i', 'a', '--signing-key', join(place, 'a')]],
  ['check-config', (place) => ['check-config', join(place, 'a')]],
];

describe.each(places)('a path %s', (_where, place, message) => {
  it.each(commands)('is told in plain words by %s', async (_command, argumentsFor) => {
    const before = readdirSync(directory);
    const { code, err } = await run(argumentsFor(join(directory, place)));
    expect(err).toMatch(/^countersign: .*\n {2}remedy: .*\n$/);
    expect(err).toContain(message);
    expect([code, readdirSync(directory)]).toEqual([3, before]);
  });

  it('is told in plain words where a result is to be written', async () => {
    const body = join(directory, place, 'a');
    await run(['keygen', '--out', join(directory, 'keys')]);
    const key = join(directory, 'keys/signing.key');
    const { code, err } = await run(['sign', '-i', 'a', '--signing-key', key, '--body-out', body]);
    expect(err).toContain(message);
    expect([code, err.split('\n').length]).toEqual([3, 3]);
  });
});

describe('a disk that takes no byte', () => {
  const onFullDisk = (...args: string[]) =>
    spawnSync('bash', ['-c', 'ulimit -f 0; exec "$0" dist/src/main.js "$@"', process.execPath, ...args], {
      encoding: 'utf8',
    });

  it.each([
    ['pki init', ['pki', 'init']],
    ['keygen', ['keygen', '--out']],
  ])(
    'leaves nothing of %s behind: neither file nor directory, and the next try succeeds',
    async (_, args) => {
      const made = join(directory, 'made');
      const { status, stderr } = onFullDisk(...args, made);
      expect(stderr).toMatch(/^countersign: .* cannot be written \(EFBIG\)\n {2}remedy: .*\n$/);
      expect([status, readdirSync(directory).sort()]).toEqual([3, ['file', 'loop']]);
      expect((await run([...args, made])).code).toBe(0);
    },
  );

  it('leaves a directory that was there, and what was in it', () => {
    const made = join(directory, 'made');
    mkdirSync(made);
    expect(onFullDisk('pki', 'init', made).status).toBe(3);
    expect(readdirSync(made)).toEqual([]);
  });

  it('leaves what was to be replaced as it was, and nothing beside it', async () => {
    const keys = join(directory, 'keys');
    await run(['keygen', '--out', keys]);
    const [key, body] = [join(keys, 'signing.key'), join(directory, 'file')];
    const before = readdirSync(directory);
    const { status } = onFullDisk(
      'sign',
      '-i',
      'a',
      '--signing-key',
      key,
      '--body',
      body,
      '--body-out',
      body,
    );
    expect([status, readdirSync(directory)]).toEqual([3, before]);
  });
});
