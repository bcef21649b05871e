import { execFileSync, spawnSync, type ChildProcess } from 'node:child_process';
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasRust, layDistroless, layLibraries, layPrograms, nodeOfImage } from './support/bases.js';
import { runInCell, startInCell, type Ended, type Mount } from './support/cell.js';
import { neededStages, parseDockerfile, type BuildStage } from './support/dockerfile.js';
import { buildImage, filesOf, type Image } from './support/image-build.js';

const dockerfile = readFileSync('Dockerfile', 'utf8');
const stages = parseDockerfile(dockerfile);
/** Where there is no Rust, the image is built without the engine that needs it. */
const ENGINE = hasRust ? 'dalek' : 'none';
const instructions = stages.flatMap((stage) => stage.instructions);
const last = stages.at(-1)!;
const oneOf = (stage: BuildStage, keyword: string) =>
  stage.instructions.filter((each) => each.keyword === keyword).map(({ text }) => text);

interface Manifest {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;

describe('the Dockerfile', () => {
  it('gives hadolint nothing to say', () => {
    const hadolint = execFileSync('scripts/hadolint.sh', { encoding: 'utf8', stdio: 'pipe' }).trimEnd();
    const { stdout, status } = spawnSync(hadolint.split('\n').at(-1)!, ['Dockerfile'], { encoding: 'utf8' });
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  });

  it('ends in a distroless base, as a numeric user that is not root', () => {
    expect(last.base).toBe('gcr.io/distroless/cc-debian12:nonroot');
    expect(oneOf(last, 'USER')).toEqual(['65532:65532']);
    expect(oneOf(last, 'RUN')).toEqual([]);
  });

  it('builds and runs on one and the same Node, of a line with long-term support', () => {
    const bases = new Set(
      stages
        .slice(0, -1)
        .flatMap(({ base }) => (base.startsWith('node:') ? [base.replace(/-slim$/, '')] : [])),
    );
    expect([...bases]).toEqual([expect.stringMatching(/^node:24\.\d+\.\d+-bookworm$/)]);
  });

  it('builds the engine by its lock file, for the C library of the base that it runs in', () => {
    const { base, instructions: steps } = stages.find(({ name }) => name === 'engine-dalek')!;
    expect(base).toMatch(/^rust:1\.\d+\.\d+-slim-bookworm$/);
    expect(steps.map(({ text }) => text)).toContain('cargo build --release --locked');
  });

  it('leaves the engine out, and needs no Rust then, with ENGINE=none', () => {
    const needed = neededStages(parseDockerfile(dockerfile, { ENGINE: 'none' }));
    expect(needed.map(({ name }) => name)).toContain('engine-none');
    expect(needed.filter(({ base }) => base.startsWith('rust:'))).toEqual([]);
  });

  it('carries the version of the package on its label', () => {
    expect(oneOf(last, 'LABEL').join()).toContain(`image.version="${manifest.version}"`);
  });

  it('installs by the lock file, and lets no package run a script', () => {
    const installs = instructions.filter(({ text }) => /\bnpm (?:ci|i|install)\b/.test(text));
    expect(installs).toHaveLength(2);
    for (const { text } of installs) expect(text).toMatch(/^npm ci .*--ignore-scripts/);
  });

  it('sees nothing of the checkout but what it copies', () => {
    const copied = instructions
      .filter(({ keyword, flags }) => keyword === 'COPY' && !flags.has('from'))
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1));
    const lines = readFileSync('.dockerignore', 'utf8').split('\n');
    const [first, ...rest] = lines.filter((line) => line !== '' && !line.startsWith('#'));
    expect(first).toBe('*');
    expect(new Set(rest)).toEqual(new Set(copied.map((name) => `!${name}`)));
  });
});

const ENGINE_FILE = 'opt/countersign/native/countersign.node';

describe('the image that its instructions make', () => {
  let place: string;
  let image: Image;
  let files: string[];
  let missingLibraries: string[];

  beforeAll(() => {
    place = mkdtempSync(join(tmpdir(), 'cs-image-'));
    const node = nodeOfImage(stages.find(({ name }) => name === 'compile')!.base);
    const programs = join(place, 'programs');
    layPrograms(programs, node);
    image = buildImage({
      stages: parseDockerfile(dockerfile, { ENGINE }),
      context: process.cwd(),
      place,
      programs,
      layBase: (base, root) => layBase(base, root, node),
    });
    missingLibraries = [node, ...(hasRust ? [join(image.root, ENGINE_FILE)] : [])].flatMap((program) =>
      layLibraries(image.root, program),
    );
    layDistroless(image.root);
    files = filesOf(join(image.root, 'opt/countersign'));
  }, 600_000);

  afterAll(() => rmSync(place, { recursive: true, force: true }));

  it('holds the production packages and no other', () => {
    const installed = (name: string) => existsSync(join(image.root, 'opt/countersign/node_modules', name));
    expect(Object.keys(manifest.dependencies).filter((name) => !installed(name))).toEqual([]);
    // Both come with grpc-js, and @types/node with protobufjs, as a manifest without a type in it.
    const withGrpc = ['@grpc/proto-loader', '@types/node', 'protobufjs'];
    expect(Object.keys(manifest.devDependencies).filter(installed)).toEqual(withGrpc);
  });

  it('holds no TypeScript, no C, no source map, no test, and no native module of another machine', () => {
    const needless = files.filter((name) =>
      /\.[cm]?tsx?$|\.(?:c|cc|cpp|h|o)$|\.map$|\.test\.|(?:^|\/)(?:__)?tests?(?:__)?\//.test(name),
    );
    const foreign = files.filter((name) => /prebuilds\/(?!linux-)/.test(name));
    expect([...needless, ...foreign]).toEqual([]);
  });

  it('holds the page of the admin port', () => {
    const page = files.filter((name) => name.startsWith('dist/src/observability/page/assets/'));
    expect(page.map((name) => name.split('/').at(-1))).toEqual(
      expect.arrayContaining(['index.html', 'main.js', 'page.css', 'theme.js', 'icon.svg']),
    );
  });

  it('holds of our own nothing but the compiled sources and the manifest', () => {
    const own = new Set(
      files
        .filter((name) => !name.startsWith('node_modules'))
        .map((name) => name.split('/').slice(0, 2).join('/')),
    );
    expect(
      [...own].filter(
        (name) =>
          !/^(?:dist\/src|package\.json|LICENSE.*|native\/(?:countersign\.node|LICENSES\.txt))$/.test(name),
      ),
    ).toEqual([]);
  });

  it('lets nobody but root change a file, and has no file with set-user-id', () => {
    const modes = files.map((name) => lstatSync(join(image.root, 'opt/countersign', name)));
    expect(modes.filter((stats) => !stats.isSymbolicLink() && (stats.mode & 0o6022) !== 0)).toEqual([]);
  });

  it('needs no library that the distroless base lacks, and nor does what is compiled for it', () => {
    expect(missingLibraries).toEqual([]);
    const compiled = join(image.root, 'opt/countersign/node_modules/pkcs11js/build/Release/pkcs11.node');
    expect(layLibraries(mkdtempSync(join(place, 'libraries-')), compiled)).toEqual([]);
  });

  it('has a bill of materials that names every package in it, and no other', () => {
    const text = execFileSync('scripts/sbom.sh', { encoding: 'utf8', maxBuffer: 1e8, stdio: 'pipe' });
    const bill = JSON.parse(text) as {
      bomFormat: string;
      components: { group?: string; name: string; version: string; purl: string }[];
    };
    const crates = bill.components.filter(({ purl }) => purl.startsWith('pkg:cargo/'));
    expect(crates.map(({ name }) => name)).toEqual(expect.arrayContaining(['ed25519-dalek', 'napi']));
    const listed = new Set(
      bill.components
        .filter((each) => !crates.includes(each))
        .map(({ group, name, version }) => `${group === undefined ? '' : `${group}/`}${name}@${version}`),
    );
    expect(bill.bomFormat).toBe('CycloneDX');
    expect([...new Set(packagesOf(image.root))].sort()).toEqual([...listed].sort());
  });

  describe('on a read-only root, as a user without capabilities', () => {
    let volumes: Mount[];
    let running: ChildProcess | undefined;

    beforeAll(() => {
      volumes = [
        volume('run/countersign', true),
        volume('var/lib/countersign', true),
        volume('etc/countersign/config', false),
      ];
      layConfiguration(volumes[2]!.source);
    });

    afterEach(() => {
      running?.kill('SIGKILL');
    });

    function volume(name: string, isWritable: boolean): Mount {
      const source = join(place, 'volumes', name);
      mkdirSync(source, { recursive: true });
      if (isWritable) chownSync(source, 65532, 65532);
      return { source, target: `/${name}`, readOnly: !isWritable };
    }

    function cell(command: readonly string[]) {
      const [user, group] = image.config.user.split(':').map(Number);
      const { root, config } = image;
      return { root, mounts: volumes, user: user!, group: group!, environment: config.environment, command };
    }

    const countersign = (...parameters: string[]): Ended =>
      runInCell(cell([...image.config.entrypoint, ...parameters]));

    it('says its version', () => {
      expect(countersign('--version')).toEqual({ code: 0, output: `${manifest.version}\n` });
    });

    it(`verifies with ${hasRust ? 'the engine that was built' : 'sodium-native: there is no Rust here to build the engine with'}`, () => {
      const script =
        "import('/opt/countersign/dist/src/crypto/engines.js').then((m) => console.log(JSON.stringify(m.engineInUse())))";
      const { code, output } = runInCell(cell(['/usr/local/bin/node', '-e', script]));
      const name = hasRust ? 'ed25519-dalek' : 'sodium-native';
      expect({ code, output: JSON.parse(output) as unknown }).toEqual({
        code: 0,
        output: { engine: { name }, notes: [] },
      });
    });

    it('judges a configuration', () => {
      const { code, output } = countersign('check-config', '/etc/countersign/config/countersign.yaml');
      expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining('is good') as string });
    });

    it('can load what speaks to a PKCS#11 module', () => {
      const script = "console.log(typeof require('/opt/countersign/node_modules/pkcs11js').PKCS11)";
      const ended = runInCell(cell(['/usr/local/bin/node', '-e', script]));
      expect(ended).toEqual({ code: 0, output: 'function\n' });
    });

    it('cannot write to its own tree', () => {
      const script = "require('fs').writeFileSync('/opt/countersign/package.json','')";
      const { code, output } = runInCell(cell(['/usr/local/bin/node', '-e', script]));
      expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(/EROFS|EACCES/) as string });
    });

    it('has no shell', () => {
      expect(runInCell(cell(['/bin/sh', '-c', 'true'])).output).toContain('No such file or directory');
    });

    it('serves by its own command, is healthy by its own health command, and stops with 0 on its stop signal', async () => {
      const { entrypoint, command, healthCommand, stopSignal } = image.config;
      expect(runInCell(cell(healthCommand)).code).not.toBe(0);
      running = startInCell(cell([...entrypoint, ...command]));
      const log: string[] = [];
      running.stderr!.on('data', (chunk: Buffer) => log.push(chunk.toString()));
      const ended = new Promise((resolve) => running!.once('exit', resolve));
      await until(
        () => runInCell(cell(healthCommand)).code === 0,
        () => log.join(''),
      );
      running.kill(stopSignal as NodeJS.Signals);
      expect({ code: await ended, log: log.join('') }).toEqual({
        code: 0,
        log: expect.stringContaining('stopped') as string,
      });
    }, 120_000);
  });
});

function layBase(base: string, root: string, node: string): void {
  if (!base.startsWith('node:')) return;
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  cpSync(node, join(root, 'usr/local/bin/node'));
}

/** Name and version of every package under `node_modules`, nested ones too. */
function packagesOf(root: string): string[] {
  const manifests = filesOf(join(root, 'opt/countersign')).filter((name) =>
    /(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/@]+\/package\.json$/.test(name),
  );
  return manifests.map((name) => {
    const { name: packageName, version } = JSON.parse(
      readFileSync(join(root, 'opt/countersign', name), 'utf8'),
    ) as Record<string, string>;
    return `${packageName}@${version}`;
  });
}

function layConfiguration(folder: string): void {
  const fixtures = 'test/unit/config/fixtures';
  cpSync(join(fixtures, 'files/producer.pem'), join(folder, 'producer.pem'));
  cpSync(join(fixtures, 'files/key.base64'), join(folder, 'producer.pub'));
  writeFileSync(
    join(folder, 'countersign.yaml'),
    `version: 1
listen: { socket: /run/countersign/verifier.sock }
admin: { port: 0 }
audit: { stdout: true }
nonces: { store: lmdb, directory: /var/lib/countersign/nonces }
# A store without a memory refuses for as long as a timestamp may lie ahead.
freshness: { pastSkewSeconds: 30, futureSkewSeconds: 1 }
identities:
  - name: producer-a
    certificates: [{ file: producer.pem }]
    keys: [{ kid: '2026', publicKeyFile: producer.pub }]
policies: [{ name: graph, profile: federation.execution-graph }]
operators: { operator-a: 11111111-1111-4111-8111-111111111111 }
`,
  );
}

async function until(condition: () => boolean, reason: () => string): Promise<void> {
  for (let attempt = 0; attempt < 240; attempt += 1) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error(`it did not come up:\n${reason()}`);
}
