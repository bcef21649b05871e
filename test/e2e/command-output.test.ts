/** Commands whose output cannot be written, as processes: no stack trace, and an exit code that says what was lost. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const main = join(import.meta.dirname, '../../dist/src/main.js');

/** Runs `countersign ARGUMENTS` with these redirections; standard error comes back unless it is redirected, too. */
function run(redirections: string): { readonly status: number | null; readonly stderr: string } {
  const script = `"$0" "$1" --help ${redirections}`;
  const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, main], { encoding: 'utf8' });
  return { status, stderr };
}

// Fault: log-unwritable
describe('a command whose output cannot be written', () => {
  test('on a full disk says so and exits 3', () => {
    const { status, stderr } = run('> /dev/full');
    expect(stderr).toMatch(
      /^countersign: standard output cannot be written: ENOSPC.*\n {2}remedy: make room there\n$/,
    );
    expect(status).toBe(3);
  });

  test('since its reader has seen enough ends quietly', () => {
    expect(run('| head -n 1 > /dev/null; exit "${PIPESTATUS[0]}"')).toEqual({ status: 0, stderr: '' });
  });

  test.each(['2> /dev/full > /dev/full', '> /dev/null 2> /dev/full'])(
    'with %s ends as it would',
    (streams) => {
      expect(run(streams).status).toBe(streams.startsWith('2>') ? 3 : 0);
    },
  );

  test('serve with a wrong configuration and nobody to tell exits 3', () => {
    const script = '"$0" "$1" serve /dev/null 2> /dev/full';
    expect(spawnSync('bash', ['-c', script, process.execPath, main]).status).toBe(3);
  });
});
