import { buildProgram } from '../../../src/cli/program.js';
import { Session } from '../../../src/cli/command.js';
import { nodeVersionFault } from '../../../src/cli/node-version.js';
import { run } from './test-world.js';

const unused = () => {
  throw new Error('not to be used');
};
const program = buildProgram(
  new Session({
    out: unused,
    drained: unused,
    err: unused,
    isTerminal: false,
    readInput: unused,
    nowMs: unused,
    randomBytes: unused,
  }),
);
const names = program.commands.map((command) => command.name());

describe('countersign', () => {
  it('has the commands that it should have', () => {
    expect(names).toEqual([
      ...[
        'serve',
        'health',
        'drain',
        'check-config',
        'doctor',
        'keygen',
        'pki',
        'fingerprint',
        'sign',
        'send',
        'import-env',
        'envoy-config',
      ],
      ...['rotate-key', 'rotate-pin', 'keyring', 'feedback', 'policy', 'why', 'audit'],
    ]);
  });

  it.each(names)('%s --help has an example and the exit codes, and succeeds', async (name) => {
    const { code, out, err } = await run([name, '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(new RegExp(`Examples?:\\n {2}countersign ${name} `));
    expect(out).toContain('Exit codes: 0 good, 1 refused');
  });

  it.each(names)('%s describes itself, its arguments and its options', (name) => {
    const command = program.commands.find((candidate) => candidate.name() === name)!;
    expect(command.description()).not.toBe('');
    for (const option of command.options) expect([option.flags, option.description]).not.toContain('');
    for (const argument of command.registeredArguments)
      expect([argument.name(), argument.description]).not.toContain('');
  });

  it('shows help and fails when there is no command', async () => {
    const { code, out, err } = await run([]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('Usage: countersign');
  });

  it('prints its version', async () => {
    expect(await run(['--version'])).toEqual({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
      err: '',
    });
  });

  it.each([
    ['an unknown command', ['fly'], "unknown command 'fly'"],
    ['an unknown option', ['keygen', '--fast'], "unknown option '--fast'"],
    [
      'an unknown option before a missing one',
      ['sign', '--signingkey', 'a'],
      "unknown option '--signingkey'",
    ],
    ['an unknown option of a command of a group', ['feedback', 'query', '--fast'], "unknown option '--fast'"],
    ['a missing option', ['sign', '--identity', 'a'], "required option '--key, --signing-key <file>'"],
    ['a missing argument', ['fingerprint'], "missing required argument 'files'"],
    ['an argument too many', ['import-env', 'a', 'b'], 'too many arguments'],
    ['no configuration', ['check-config'], 'no configuration file'],
    ['two configurations', ['check-config', 'a', '--config', 'b'], 'two configuration files'],
    ['a number that is none', ['check-config', 'a', '--workers', '0x2'], 'whole number from 1 to'],
    ['a number out of bounds', ['check-config', 'a', '--workers', '0'], 'whole number from 1 to'],
    ['an encoding that does not exist', ['keygen', '--format', 'der'], 'Allowed choices are pem'],
    ['a key name with a slash', ['keygen', '--name', '../a'], 'It must match'],
  ])('says what is wrong with %s, on stderr and with code 2', async (_title, args, text) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(/^countersign: [^\n]+\n {2}remedy: [^\n]+\n$/);
    expect(err).toContain(text);
    expect(err).not.toContain('    at ');
  });

  it.each([
    ['countersign', ['fly']],
    ['countersign send', ['send', '--fast']],
    ['countersign feedback query', ['feedback', 'query']],
  ])('names the help of the command that was meant: %s', async (words, args) => {
    expect((await run(args)).err).toContain(`\n  remedy: run ${words} --help to see what it takes\n`);
    expect(JSON.parse((await run([...args, '--json'])).err)).toMatchObject({
      remedy: `run ${words} --help to see what it takes`,
    });
  });

  it.each([
    ['serve', ['serve', '--config', '/nowhere/a.yaml']],
    ['check-config', ['check-config', '/nowhere/a.yaml']],
    ['envoy-config', ['envoy-config', '/nowhere/a.yaml']],
    ['import-env', ['import-env', '/nowhere/a.env']],
    ['fingerprint', ['fingerprint', '/nowhere/a.crt']],
    ['keygen', ['keygen', '--out', '/nowhere/keys']],
  ])('%s says which file is missing, with a remedy and code 3', async (_title, args) => {
    const { code, out, err } = await run(args);
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(/^countersign: .*\/nowhere.* does not exist\n {2}remedy: .+\n$/);
  });
});

describe('with --json', () => {
  it.each([
    ['wrong usage', ['keygen', '--fast', '--json'], 2, "unknown option '--fast'"],
    ['a missing argument', ['fingerprint', '--json'], 2, "missing required argument 'files'"],
    ['a missing option', ['send', '--json', 'https://a'], 2, "required option '--ca <file>' not specified"],
    ['a missing configuration', ['check-config', '--json'], 2, 'no configuration file'],
    ['a file that is not there', ['check-config', '--json', '/nowhere/a.yaml'], 3, 'does not exist'],
    ['a certificate that is not there', ['fingerprint', '--json', '/nowhere/a.crt'], 3, 'does not exist'],
    ['a place that is not there', ['keygen', '--json', '--out', '/nowhere/keys'], 3, 'does not exist'],
  ])('an error is JSON on standard error, and nothing else: %s', async (_title, args, code, message) => {
    const ended = await run(args);
    expect([ended.code, ended.out]).toEqual([code, '']);
    expect(JSON.parse(ended.err)).toEqual({
      outcome: 'failed',
      message: expect.stringContaining(message) as string,
      remedy: expect.stringMatching(/.{5}/) as string,
      exit_code: code,
    });
  });

  it('problems of a configuration are JSON for keyring too', async () => {
    const file = 'test/unit/config/fixtures/bad/a-list.yaml';
    const { code, out, err } = await run(['keyring', '--json', file]);
    expect([code, err]).toEqual([1, '']);
    expect(JSON.parse(out)).toMatchObject({ ok: false, file, problems: [{ file }] });
  });

  it('help stays help, and behind -- it is no option', async () => {
    expect((await run(['keygen', '--json', '--help'])).out).toContain('Usage: countersign keygen');
    expect((await run(['fingerprint', '--', '--json'])).err).toMatch(/^countersign: .*--json does not exist/);
  });
});

describe('nodeVersionFault', () => {
  it.each(['18.20.4', '20.18.3', '20', ''])('refuses Node "%s"', (version) => {
    expect(nodeVersionFault(version)).toContain('20.19 or newer');
  });

  it.each(['20.19.0', '20.20.2', '22.0.0', '24.21.0', '26.10.0-nightly'])('takes Node %s', (version) => {
    expect(nodeVersionFault(version)).toBeUndefined();
  });
});
