/** No command of a page or script has a PIN or password among its arguments, where every user of a machine reads it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const READ = /\.(?:md|sh|ya?ml)$|(?:^|\/)(?:Makefile|Dockerfile)$/;
const files = execFileSync('git', ['ls-files'], { encoding: 'utf8' })
  .split('\n')
  .filter((file) => READ.test(file) && !file.startsWith('test/'));

/** `env:NAME` and `file:PATH` name a place, and are what to write instead. */
const IN_ARGUMENTS = /--(?:(?:so|new)-)?(?:pin|password)[ =](?!env:|file:)["'$\w]|-pass(?:in|out) "?pass:/;

test('pages and scripts are looked at', () => {
  expect(files).toEqual(
    expect.arrayContaining(['docs/keys.md', 'README.md', 'Makefile', 'scripts/softhsm.sh']),
  );
  expect(IN_ARGUMENTS.test('tool --login --pin "$pin" --list')).toBe(true);
  expect(IN_ARGUMENTS.test('tool --so-pin env:SO_PIN --new-pin env:PIN')).toBe(false);
});

test.each(files)('%s puts no secret among the arguments of a command', (file) => {
  const lines = readFileSync(file, 'utf8').split('\n');
  expect(lines.filter((line) => IN_ARGUMENTS.test(line))).toEqual([]);
});
