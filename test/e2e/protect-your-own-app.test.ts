/**
 * Walks through docs/protect-your-own-app.md: every `sh` block is run as it is printed, in one shell and a fresh
 * directory, and has to print what the `text` block behind it says. The ports are the test's own, by the page's variables.
 */
import { once } from 'node:events';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../../tools/local-federation/layout.js';
import { processBirth } from '../../tools/local-federation/process-birth.js';
import { until } from '../support/until.js';
import { anyFreePort } from './support/free-port.js';
import { pythonWithCryptography } from './support/python.js';

const root = repositoryRoot();
const page = readFileSync(join(root, 'docs/protect-your-own-app.md'), 'utf8');

interface Block {
  readonly language: string;
  readonly text: string;
}

const blocks = [...page.matchAll(/^```(\S*)\n([^]*?)^```$/gm)].map(([, language = '', text = '']): Block => ({
  language,
  text,
}));
/** Each with what it promises; what stands alone promises to succeed. */
const steps = blocks.flatMap((block, index) => {
  const next = blocks[index + 1];
  return block.language === 'sh'
    ? [{ commands: block.text, promised: next?.language === 'text' ? next.text : '' }]
    : [];
});
const units = join(root, 'examples/systemd');

/** A shell that stays, as a reader's does: functions, variables and background processes of one block serve the next. */
class Shell {
  readonly #process: ChildProcess;
  #output = '';
  #ended = false;

  constructor(directory: string, environment: Readonly<Record<string, string>>) {
    // A group of its own, so that whatever a failed walk leaves running is ended with it.
    this.#process = spawn('bash', ['--noprofile', '--norc'], {
      cwd: directory,
      env: { ...process.env, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const note = (chunk: Buffer): void => void (this.#output += chunk.toString());
    this.#process.stdout?.on('data', note);
    this.#process.stderr?.on('data', note);
    this.#process.on('exit', () => (this.#ended = true));
  }

  /** What the commands print, and the exit code of the last of them. */
  async run(commands: string): Promise<{ readonly output: string; readonly code: number }> {
    this.#output = '';
    const mark = `ended-${Math.random().toString(36).slice(2)}`;
    this.#process.stdin?.write(`${commands}\nprintf '\\n%s %s\\n' ${mark} $?\n`);
    const end = new RegExp(`\\n${mark} ([0-9]+)\\n`);
    for (;;) {
      const found = end.exec(this.#output);
      if (found !== null) return { output: this.#output.slice(0, found.index), code: Number(found[1]) };
      if (this.#ended) throw new Error(`the shell ended: ${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** What the reader does who closes the terminal's window, or whose script has come to its end. */
  async leave(): Promise<void> {
    this.#process.stdin?.end();
    await until('the shell has ended', () => this.#ended);
  }

  /** Ends it with everything that it started. */
  close(): void {
    const { pid } = this.#process;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // It has gone already.
    }
  }
}

/** Lines that have to come in this order, with `…` for anything within a line. */
function expectPrinted(output: string, promised: string): void {
  const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const lines = promised.trimEnd().split('\n');
  const pattern = lines.map((line) => line.split('…').map(escaped).join('.*')).join('\\n(?:.*\\n)*?');
  expect(output).toMatch(new RegExp(pattern));
}

/** Another program at a port; what was killed a moment ago may have it still. */
async function holderOf(port: number): Promise<Server> {
  const holder = createServer();
  await until('the port is free', () => {
    const listening = once(holder, 'listening');
    holder.listen(port, '127.0.0.1');
    return listening.then(
      () => true,
      () => false,
    );
  });
  return holder;
}

describe('docs/protect-your-own-app.md', () => {
  let directory: string;
  let shell: Shell;
  let variables: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const go = spawnSync('go', ['version'], { stdio: 'ignore' });
    if (go.error !== undefined)
      throw new Error('there is no `go`, and the page has an application in Go: install Go 1.21 or newer');
    directory = mkdtempSync(join(tmpdir(), 'cs-own-'));
    variables = {
      COUNTERSIGN: root,
      PORT: String(await anyFreePort()),
      APP_PORT: String(await anyFreePort()),
      ADMIN_PORT: String(await anyFreePort()),
      ENVOY_ADMIN_PORT: String(await anyFreePort()),
      PYTHON: pythonWithCryptography(),
      GOCACHE: join(root, '.cache', 'go-build'),
      GOFLAGS: '-mod=mod',
      GOTOOLCHAIN: 'local',
    };
    shell = new Shell(directory, variables);
  }, 120_000);
  afterAll(() => {
    shell.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('has no block but commands, what they print, and the installation of the units', () => {
    expect(steps.length).toBeGreaterThan(10);
    expect(blocks.filter(({ language }) => !['sh', 'text'].includes(language))).toEqual([
      { language: 'console', text: expect.stringContaining('systemctl enable') as string },
    ]);
    for (const [index, { language }] of blocks.entries())
      if (language === 'text') expect(blocks[index - 1]?.language).toBe('sh');
  });

  it.each(
    steps.map(({ commands, promised }) => [commands.split('\n')[0] ?? '', commands, promised] as const),
  )(
    '%s',
    async (_first, commands, promised) => {
      const { output, code } = await shell.run(commands);
      expect({ output, code }).toEqual({ output, code: 0 });
      if (promised !== '') expectPrinted(output, promised);
    },
    180_000,
  );

  it('left a record of every decision that the page speaks of', () => {
    const records = readFileSync(join(directory, 'my-service/audit/decisions.ndjson'), 'utf8')
      .trimEnd()
      .split('\n');
    const codes = new Set(records.map((line) => (JSON.parse(line) as { code: string }).code));
    for (const code of ['pass_through', 'allow', 'replayed_nonce', 'certificate_missing', 'header_missing'])
      expect([...codes]).toContain(code);
  });

  describe('started once more', () => {
    const starting = steps.find(({ commands }) => commands.includes('ready()'))?.commands ?? '';
    const again = (other: Shell) => other.run(`${steps[0]?.commands ?? ''}\ncd my-service\n${starting}`);
    let other: Shell;

    beforeEach(() => (other = new Shell(directory, variables)));
    afterEach(() => other.close());

    it.each([
      ['APP_PORT', 'app has ended', 'EADDRINUSE'],
      ['ADMIN_PORT', 'verifier has ended', 'EADDRINUSE'],
      ['PORT', 'envoy has ended', 'cannot bind'],
    ])(
      'tells who could not have the %s that another program has',
      async (variable, who, why) => {
        const holder = await holderOf(Number(variables[variable]));
        const { output, code } = await again(other).finally(() => holder.close());
        expect(code).not.toBe(0);
        expect(output).toContain(who);
        expect(output).toContain(why);
      },
      60_000,
    );

    it('outlives the shell', async () => {
      expect(await again(other)).toMatchObject({ code: 0 });
      await other.leave();
      await new Promise((resolve) => setTimeout(resolve, 500));
      for (const name of ['app', 'verifier', 'envoy']) {
        const pid = Number(readFileSync(join(directory, `my-service/run/${name}.pid`), 'utf8'));
        expect([name, processBirth(pid)]).toEqual([name, expect.any(String)]);
      }
    }, 60_000);
  });
});

describe('examples/systemd', () => {
  const names = readdirSync(units).filter((name) => name.endsWith('.service'));
  const settings = (name: string): ReadonlySet<string> =>
    new Set(readFileSync(join(units, name), 'utf8').split('\n'));

  it.each(names)('%s is hardened, restarts, and has a directory of its own', (name) => {
    const wanted = ['Restart=always', 'DynamicUser=yes', 'ProtectSystem=strict', 'NoNewPrivileges=yes'];
    expect(wanted.filter((line) => !settings(name).has(line))).toEqual([]);
    expect(readFileSync(join(units, name), 'utf8')).toMatch(
      /^\[Unit\]\n[^]*^\[Service\]\n[^]*^\[Install\]\n/m,
    );
  });

  it('is copied and enabled, whole, by what the page says, which names the program to replace', () => {
    const installing = blocks.find(({ language }) => language === 'console')?.text ?? '';
    const enabled = /^# systemctl enable --now (.*)$/m.exec(installing)?.[1]?.split(' ');
    expect(enabled?.map((name) => `${name}.service`).sort()).toEqual([...names].sort());
    const [, program = ''] = /^ExecStart=\S+ (\S+)/m.exec(
      readFileSync(join(units, 'countersign-app.service'), 'utf8'),
    )!;
    expect(page).toContain(`\`${program}\``);
    expect(installing).toContain(program);
  });

  it('starts Envoy behind the verifier, and so stops it before', () => {
    expect(readFileSync(join(units, 'countersign-envoy.service'), 'utf8')).toMatch(
      /^After=.*countersign\.service/m,
    );
  });

  // Without systemd the test above is all there is. Programs that are not here are put in the place of the real ones.
  it('is what systemd-analyze takes without a word', () => {
    if (spawnSync('systemd-analyze', ['--version']).error !== undefined) return;
    const place = mkdtempSync(join(tmpdir(), 'cs-units-'));
    try {
      for (const name of names) {
        const text = readFileSync(join(units, name), 'utf8').replaceAll(
          /^(Exec[A-Za-z]*)=\S+/gm,
          (_line, key: string) => `${key}=/bin/true`,
        );
        writeFileSync(join(place, name), text);
      }
      const command = ['verify', '--man=no', ...names.map((name) => join(place, name))];
      expect(execFileSync('systemd-analyze', command, { encoding: 'utf8', stdio: 'pipe' })).toBe('');
    } finally {
      rmSync(place, { recursive: true });
    }
  });
});
