/** The program behind `make local-federation-up`, `-smoke` and `-down`, run as Make runs it. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseEnvironment } from '../../tools/local-federation/environment.js';
import { layoutOf, repositoryRoot } from '../../tools/local-federation/layout.js';
import { processBirth } from '../../tools/local-federation/process-birth.js';
import { recordsIn } from './support/afterwards.js';
import { anyFreePort } from './support/free-port.js';
import { expectExtends, readSealedLog, standing } from './support/sealed-log.js';
import { runLocalFederation, type ProgramRun } from './support/local-federation-program.js';

const PROGRAM_MILLISECONDS = 120_000;
const ROOT = repositoryRoot();

describe('the local federation as a program', () => {
  const directory = mkdtempSync(join(tmpdir(), 'lf-'));
  const layout = layoutOf(directory);
  let port: number;
  /** What the first `up` printed. */
  let shown: string;

  function run(command: string, switches: Readonly<Record<string, string>> = {}): ProgramRun {
    return runLocalFederation(command, { STATE_DIR: directory, PORT: String(port), ...switches });
  }
  const pidOf = (name: string): string => readFileSync(join(layout.run, `${name}.pid`), 'utf8').trim();
  const rows = (output: string): string[] =>
    output.split('\n').filter((line) => line.endsWith('as it should be'));

  beforeAll(async () => {
    port = await anyFreePort();
  });

  afterAll(() => {
    run('down');
    rmSync(directory, { recursive: true, force: true });
  });

  it(
    'starts, shows twenty requests and a round of the loop that end as they must, and tells how to go on',
    () => {
      const { status, output } = run('up');
      shown = output;
      expect({ status, output }).toMatchObject({ status: 0 });
      expect(rows(output)).toHaveLength(20 + 17);
      expect(output).not.toContain('WRONG');
      expect(output).toContain('make local-federation-down');
    },
    PROGRAM_MILLISECONDS,
  );

  it.each([
    ['a tampered answer', /tampered with.*bad_signature, nothing changed {2,}as it should be/],
    ['an answer under an unknown kid', /unknown kid.*unknown_kid, nothing changed {2,}as it should be/],
    ["another tenant's answer", /other tenant's answer.*bad_signature, nothing changed {2,}as it should be/],
    ['an adjustment that is not bound', /was not run.*0 bound, nothing changed {2,}as it should be/],
    ['an answer that was taken before', /once more.*replayed, nothing changed {2,}as it should be/],
  ])('shows that %s changes no decision', (_, row) => {
    expect(shown).toMatch(row);
  });

  it('shows what the signed answer decides, and by which measurement', () => {
    expect(shown).toMatch(/feedback query +200, signed by default +200, signed by default/);
    expect(shown).toMatch(/eight nodes +refuse \(tighten 0\.82\) +refuse \(tighten 0\.82\)/);
    expect(shown).toMatch(/seven nodes +allow \(observe 0\.55\) +allow \(observe 0\.55\)/);
    expect(shown).toMatch(/measurement in the decision’s input +([0-9a-f]{16}) +\1 /);
  });

  it('leaves its values in a file of mode 0600', () => {
    expect(statSync(layout.environmentFile).mode & 0o777).toBe(0o600);
    const values = parseEnvironment(readFileSync(layout.environmentFile, 'utf8'));
    expect(values?.COUNTERSIGN_URL).toBe(`https://localhost:${port}`);
  });

  it('prints commands that work as they stand, with our command line and with curl', () => {
    const { output } = run('up', { DEMO: '0' });
    const [, commands = ''] = output.split(/^Send a request of your own.*$|^Look at what happened:$/m);
    const script = commands
      .split('\n')
      .filter((line) => line.startsWith('  '))
      .join('\n');
    const { status, stdout } = spawnSync('sh', ['-e', '-c', script], { cwd: ROOT, encoding: 'utf8' });
    expect(status).toBe(0);
    expect(stdout.match(/"accepted":true/g)).toHaveLength(2);
  });

  it("prints commands to look with that work from the repository's root, as it says, in a shell without our variables", () => {
    const { output } = run('up', { DEMO: '0' });
    expect(output).toContain("In the repository's root");
    const records = readFileSync(join(layout.audit, 'decisions.ndjson'), 'utf8').trimEnd().split('\n');
    const decided = records.filter((line) => line.includes('"decision_id"'));
    const last = JSON.parse(decided.at(-1) ?? '{}') as { decision_id: string };
    const prepare = /^ {2}(\. .*)\n {2}(countersign\(\).*)$/m.exec(output)?.slice(1) ?? [];
    const looks = output.split('Look at what happened:\n')[1]?.split('\n\n')[0]?.split('\n') ?? [];
    expect(looks.filter((line) => line.startsWith('  countersign why REQUEST_ID '))).toHaveLength(1);
    const script = [...prepare, ...looks].join('\n').replace('REQUEST_ID', last.decision_id);
    const env = { PATH: process.env['PATH'] };
    const { status, stdout, stderr } = spawnSync('sh', ['-e', '-c', script], {
      cwd: ROOT,
      env,
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(/^Let through|^Refused|was let through|was refused/m);
  });

  it('leaves alone what has not changed, and replaces what has', () => {
    const before = ['envoy', 'verifier', 'upstream'].map(pidOf);
    const { output } = run('up', { DEMO: '0', RATE_LIMIT_PER_MINUTE: '60' });
    const after = ['envoy', 'verifier', 'upstream'].map(pidOf);
    expect(output).toMatch(/verifier: replaced/);
    expect(output).toMatch(/envoy: unchanged[^]*upstream: unchanged/);
    expect([after[0], after[2]]).toEqual([before[0], before[2]]);
    expect(after[1]).not.toBe(before[1]);
  });

  it('uses the federation that is up for the smoke test, and keeps the log', () => {
    const before = pidOf('envoy');
    const { status, output } = run('smoke');
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(pidOf('envoy')).toBe(before);
    const [log = ''] = readdirSync(layout.audit).filter((name) => name.startsWith('smoke-'));
    expect(readFileSync(join(layout.audit, log), 'utf8')).toContain('Smoke test passed.');
  });

  it('fails the smoke test, and says how to go on, when the application has died', () => {
    process.kill(Number(pidOf('upstream')), 'SIGKILL');
    const { status, output } = run('smoke');
    expect(status).toBe(1);
    expect(output).toMatch(/Smoke test FAILED[^]*make local-federation-up starts it again/);
    run('up', { DEMO: '0' });
  });

  it('names the variable when its port belongs to another program', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const taken = (server.address() as { port: number }).port;
    const { status, output } = run('up', { PORT: String(taken) });
    server.close();
    expect(status).toBe(1);
    expect(output).toMatch(new RegExp(`port ${taken} is in use[^]*remedy: .*PORT=`));
    expect(output).toMatch(/^✗ ports are free/m);
    expect(output).not.toMatch(/certificates/);
  });

  it('sends an application of the user only what that one never sees', async () => {
    const seen: string[] = [];
    const server = createServer((socket) =>
      socket.on('data', (data) => seen.push(data.toString())).on('error', () => undefined),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const upstream = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const { status, output } = run('up', { UPSTREAM: upstream });
    server.close();
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(rows(output)).toHaveLength(13);
    expect(existsSync(join(layout.run, 'upstream.pid'))).toBe(false);
    expect(seen).toEqual([]);
    expect(readFileSync(layout.environmentFile, 'utf8')).toContain(`COUNTERSIGN_UPSTREAM_URL=${upstream}\n`);
  });

  it('leaves a sealed audit log, and goes on with it and its key', async () => {
    const values = parseEnvironment(readFileSync(layout.environmentFile, 'utf8'));
    const at = (name: string | undefined): string => resolve(ROOT, name ?? '');
    const directory = at(values?.COUNTERSIGN_AUDIT_LOG_DIR);
    const verifierKeyFile = at(values?.COUNTERSIGN_AUDIT_VKEY_FILE);
    const text = readFileSync(verifierKeyFile, 'utf8');
    expect(text).toMatch(/^\S+\+[0-9a-f]{8}\+\S+\n$/);
    expect(run('down').status).toBe(0);
    const before = await readSealedLog(directory, verifierKeyFile);
    const plain = standing(recordsIn(join(layout.audit, 'decisions.ndjson')));
    expect(standing(before.records)).toEqual(plain);
    expect(run('up', { DEMO: '0' }).status).toBe(0);
    expect(readFileSync(verifierKeyFile, 'utf8')).toBe(text);
    expect(run('down').status).toBe(0);
    const after = await readSealedLog(directory, verifierKeyFile);
    expect(after.checkpoint.size).toBeGreaterThan(before.checkpoint.size);
    await expectExtends(directory, before.checkpoint, after.checkpoint);
    expect(run('up', { DEMO: '0' }).status).toBe(0);
  }, 240_000);

  it('stops everything, leaves keys and state, and does not mind being asked twice', () => {
    const pids = ['envoy', 'verifier'].map(pidOf);
    expect(run('down').status).toBe(0);
    expect(pids.map((pid) => processBirth(Number(pid)))).toEqual([undefined, undefined]);
    expect(existsSync(layout.environmentFile)).toBe(true);
    expect(run('down')).toMatchObject({
      status: 0,
      output: expect.stringContaining('Nothing runs') as string,
    });
  });

  it('starts for the smoke test what is not up, and stops it again', () => {
    const { status } = run('smoke');
    expect(status).toBe(0);
    expect(existsSync(join(layout.run, 'envoy.pid'))).toBe(false);
  });
});
