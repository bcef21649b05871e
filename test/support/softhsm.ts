/** Tokens of a real SoftHSM in a folder of a test's own, and Ed25519 keys in them. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Pkcs11Settings } from '../../src/keys/settings.js';
import { compileScript, type CompiledScript } from './child-process.js';

const REPOSITORY = resolve(import.meta.dirname, '../..');

/** What the process that makes tokens and keys is told. */
export interface TokenTask {
  readonly module: string;
  readonly token: string;
  /** Whether the token is to be made first. */
  readonly isNew: boolean;
  readonly soPin: string;
  readonly pin: string;
  /** Labels of the pairs to be made, and of those to be destroyed. */
  readonly keys: readonly string[];
  readonly remove: readonly string[];
}

/** What it prints. */
export interface MadeKeys {
  readonly slot: number;
  /** Base64 of the public half of each pair that was made, by its label. */
  readonly publicKeys: Readonly<Record<string, string>>;
}

/** Where the module is; fetches it where that can be done. Throws with the remedy on stderr. */
function findSoftHsm(): string {
  const script = join(REPOSITORY, 'scripts/softhsm.sh');
  const found = execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return found.trim().split('\n').at(-1) ?? '';
}

export class SoftHsm {
  readonly module = findSoftHsm();
  readonly folder = mkdtempSync(join(tmpdir(), 'countersign-softhsm-'));
  /** What every user of the module needs to find the tokens. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #script: CompiledScript = compileScript('test/support/softhsm-child.ts');

  constructor() {
    const configuration = join(this.folder, 'softhsm2.conf');
    mkdirSync(join(this.folder, 'tokens'));
    const lines = [
      `directories.tokendir = ${this.folder}/tokens`,
      'objectstore.backend = file',
      'log.level = ERROR',
    ];
    writeFileSync(configuration, `${lines.join('\n')}\n`);
    this.environment = { SOFTHSM2_CONF: configuration };
  }

  /** A token with that PIN and one pair for each label. */
  makeToken(token: string, pin: string, keys: readonly string[]): MadeKeys['publicKeys'] {
    return this.#run({ token, pin, keys, isNew: true }).publicKeys;
  }

  /** Further pairs; a label may be there already. */
  makeKeys(token: string, pin: string, keys: readonly string[]): void {
    this.#run({ token, pin, keys });
  }

  removeKeys(token: string, pin: string, remove: readonly string[]): void {
    this.#run({ token, pin, remove });
  }

  /** Of a token that is there; not the one that it had when it was made. */
  slotOf(token: string, pin: string): number {
    return this.#run({ token, pin }).slot;
  }

  #run(task: Pick<TokenTask, 'token' | 'pin'> & Partial<TokenTask>): MadeKeys {
    const whole: TokenTask = {
      module: this.module,
      isNew: false,
      soPin: 'officers-pin',
      keys: [],
      remove: [],
      ...task,
    };
    const printed = execFileSync(process.execPath, [this.#script.path], {
      env: { ...process.env, ...this.environment },
      encoding: 'utf8',
      input: JSON.stringify(whole),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    return JSON.parse(printed) as MadeKeys;
  }

  /** A file for a configuration. */
  pinFile(pin: string): string {
    const file = join(this.folder, 'pin');
    writeFileSync(file, `${pin}\n`, { mode: 0o600 });
    return file;
  }

  /** A source of one of the tokens. */
  settings(token: string, pin: string, others: Partial<Pkcs11Settings> = {}): Pkcs11Settings {
    return {
      kind: 'pkcs11',
      name: token,
      modulePath: this.module,
      environment: this.environment,
      token,
      slot: undefined,
      pin: () => pin,
      maxMessageBytes: 8 * 1024 * 1024,
      // A busy machine is no token that is away.
      timeoutMilliseconds: 20_000,
      ...others,
    };
  }

  /** A module that is this one with faults; each is done once (`pkcs11-faults.c`). */
  withFaults(): { readonly settings: Partial<Pkcs11Settings>; set(fault: string): void; wasDone(): boolean } {
    const file = join(this.folder, 'fault');
    const modulePath = join(this.folder, 'faults.so');
    const source = join(import.meta.dirname, 'pkcs11-faults.c');
    const headers = join(REPOSITORY, 'node_modules/pkcs11js/includes/pkcs11');
    execFileSync('cc', ['-shared', '-fPIC', '-o', modulePath, '-I', headers, source, '-ldl']);
    const environment = { ...this.environment, FAULTS_MODULE: this.module, FAULTS_FILE: file };
    return {
      settings: { modulePath, environment },
      set: (fault) => writeFileSync(file, fault),
      wasDone: () => !existsSync(file),
    };
  }

  close(): void {
    this.#script.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
