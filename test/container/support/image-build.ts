/** Builds an image by the instructions of our Dockerfile, each stage in a clean folder of its own, without an engine. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  statSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { execForm, neededStages, type BuildStage, type Instruction } from './dockerfile.js';

/** How the image says that it wants to be run. */
export interface ImageConfig {
  readonly user: string;
  readonly environment: ReadonlyMap<string, string>;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthCommand: readonly string[];
  readonly labels: ReadonlyMap<string, string>;
  readonly stopSignal: string;
}

/** The tree of the last stage, and how to run it. */
export interface Image {
  readonly root: string;
  readonly config: ImageConfig;
}

/** What is built from where. */
export interface BuildOptions {
  readonly stages: readonly BuildStage[];
  /** The build context: what COPY without --from takes from. */
  readonly context: string;
  /** Empty; a folder for each stage is made in it. */
  readonly place: string;
  /** Puts into the root of a stage what its base image has. */
  readonly layBase: (image: string, root: string) => void;
  /** For RUN: the folder with the programs of the base image. */
  readonly programs: string;
}

interface Build extends BuildOptions {
  readonly stage: BuildStage;
  readonly root: string;
  workingDirectory: string;
}

/** Builds every stage that the last one needs, in order. Throws with the output of the command that failed. */
export function buildImage(options: BuildOptions): Image {
  const names = new Set(options.stages.map(({ name }) => name));
  for (const stage of neededStages(options.stages)) {
    const root = rootOf(options, stage.name);
    mkdirSync(root);
    if (names.has(stage.base))
      cpSync(rootOf(options, stage.base), root, { recursive: true, verbatimSymlinks: true });
    else options.layBase(stage.base, root);
    const build: Build = { ...options, stage, root, workingDirectory: '/' };
    for (const instruction of stage.instructions) carryOut(instruction, build);
  }
  const last = options.stages.at(-1)!;
  return { root: rootOf(options, last.name), config: configOf(last) };
}

function rootOf({ place }: BuildOptions, stage: string): string {
  return join(place, `stage-${stage}`);
}

function carryOut(instruction: Instruction, build: Build): void {
  if (instruction.keyword === 'COPY') copy(instruction, build);
  if (instruction.keyword === 'RUN') run(instruction, build);
  if (instruction.keyword === 'WORKDIR') {
    build.workingDirectory = instruction.text;
    mkdirSync(join(build.root, build.workingDirectory), { recursive: true });
  }
}

/** RUN has relative paths alone, so that it does the same here as in a root of its own. */
function run({ text }: Instruction, { root, workingDirectory, programs }: Build): void {
  if (/(?:^|[\s'"=])\/(?!usr\/local\/bin\/node|opt\/countersign)/.test(text.replace(/^.*?#!/s, '#!')))
    throw new Error(`RUN names an absolute path: ${text}`);
  const { HOME = '/' } = process.env;
  execFileSync('/bin/sh', ['-c', `umask 022; ${text}`], {
    cwd: join(root, workingDirectory),
    env: { PATH: `${programs}:/usr/bin:/bin`, HOME, npm_config_prefer_offline: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function copy({ flags, text }: Instruction, build: Build): void {
  const from = flags.get('from');
  const base = from === undefined ? build.context : rootOf(build, from);
  const names = text.split(/\s+/);
  const given = names.pop()!;
  const target = join(build.root, given.startsWith('/') ? '' : build.workingDirectory, given);
  const sources = names.flatMap((name) => matching(base, name));
  if (sources.length === 0) throw new Error(`COPY finds nothing: ${text}`);
  for (const source of sources) copyOne(source, given.endsWith('/') ? target : undefined, target);
  own(target, flags);
}

/** A name, or the names that begin like one that ends in `*`; there may be none of those. */
function matching(base: string, name: string): string[] {
  if (!name.endsWith('*')) return [join(base, name)];
  const start = name.slice(0, -1);
  return readdirSync(base)
    .filter((each) => each.startsWith(start))
    .map((each) => join(base, each));
}

/** As COPY does it: of a folder its content, into a folder under its name, else to that name. */
function copyOne(source: string, folder: string | undefined, target: string): void {
  const isFolder = statSync(source).isDirectory();
  const destination = folder === undefined || isFolder ? target : join(folder, basename(source));
  if (isFolder) {
    cpSync(source, destination, { recursive: true, verbatimSymlinks: true });
    return;
  }
  mkdirSync(dirname(destination), { recursive: true });
  copyFileSync(source, destination);
}

function own(target: string, flags: ReadonlyMap<string, string>): void {
  const [user, group] = (flags.get('chown') ?? '0:0').split(':').map(Number);
  const mode = flags.get('chmod');
  if (mode !== undefined) chmodSync(target, Number(`0o${mode}`));
  if (process.getuid?.() === 0 && flags.has('chown')) chownSync(target, user!, group!);
}

function configOf(stage: BuildStage): ImageConfig {
  const text = (keyword: string) =>
    stage.instructions.findLast((each) => each.keyword === keyword)?.text ?? '';
  const health = /CMD\s+(\[.*\])$/.exec(text('HEALTHCHECK'))?.[1] ?? '[]';
  return {
    user: text('USER'),
    environment: pairsOf(text('ENV')),
    entrypoint: execForm(text('ENTRYPOINT')),
    command: execForm(text('CMD')),
    healthCommand: execForm(health),
    labels: pairsOf(text('LABEL')),
    stopSignal: text('STOPSIGNAL'),
  };
}

function pairsOf(text: string): Map<string, string> {
  const pairs = text.matchAll(/([\w.-]+)=(?:"([^"]*)"|(\S+))/g);
  return new Map([...pairs].map(([, name, quoted, plain]) => [name!, quoted ?? plain!]));
}

/** Every file and link of a tree, relative to it. */
export function filesOf(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (name) => !lstatSync(join(root, name)).isDirectory(),
  );
}
