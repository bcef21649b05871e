/** What the compilers of the sections share while one file is loaded, and the node of the document that each is given. */
import type { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { zeroize, type PrivateKey } from '../../crypto/private-key.js';
import type { ValidityInterval } from '../../verify/snapshot.js';
import { formatPath, type ConfigurationPath, type Findings } from '../document/findings.js';
import { loadPrivateKeyFile, maxKeyFileBytes, readSecretFile } from '../files/private-key-file.js';
import {
  fileState,
  maxCertificateFileBytes,
  readBoundedFile,
  stateOfRead,
  type FileResult,
  type FileState,
} from '../files/read-file.js';
import type { LeftOutFile } from '../settings.js';
import { OfflineLoad, type OfflineOptions } from './offline.js';
import { PublicKeyCache } from './public-key-cache.js';

/** One load of one file. Lives only as long as the load. */
export class LoadContext {
  readonly findings: Findings;
  readonly nowMs: number;
  /** Public keys that many identities share are judged once, as that takes a millisecond or two. */
  readonly publicKeys: PublicKeyCache;
  /** Absolute paths of what was read, in order. */
  readonly filesRead = new Set<string>();
  /** What every file that was named looked like, also of those that could not be used; by absolute path. */
  readonly fileStates = new Map<string, FileState>();
  /** Whether a CA of the listener issued a certificate; present once the `envoy` section has been read. */
  isKnownToListener: ((certificate: X509Certificate) => boolean) | undefined;
  readonly #isForServing: boolean;
  readonly #directory: string;
  readonly #offline: OfflineLoad | undefined;
  readonly #privateKeys: PrivateKey[] = [];

  constructor(options: {
    readonly findings: Findings;
    readonly nowMs: number;
    readonly directory: string;
    readonly publicKeys?: PublicKeyCache | undefined;
    readonly offline?: OfflineOptions | undefined;
    readonly isForServing?: boolean | undefined;
  }) {
    this.#isForServing = options.isForServing ?? false;
    this.findings = options.findings;
    this.nowMs = options.nowMs;
    this.#offline = options.offline && new OfflineLoad(options.directory, options.offline);
    this.#directory = this.#offline?.base ?? options.directory;
    this.publicKeys = options.publicKeys ?? new PublicKeyCache();
    this.publicKeys.beginLoad();
  }

  /** The node at a path of the document, from its top. */
  at(...path: ConfigurationPath): ConfigurationNode {
    return new ConfigurationNode(this, path);
  }

  /** A path of the file as an absolute one. */
  resolve(path: string): string {
    return resolve(this.#directory, path);
  }

  /** Whether files may be missing, and other paths belong to another machine. */
  get isOffline(): boolean {
    return this.#offline !== undefined;
  }

  /** What an offline load was without. */
  get leftOut(): readonly LeftOutFile[] {
    return this.#offline?.leftOut ?? [];
  }

  /** Whether an offline load does without the file that is named at `path`; then no fault of it is to be noted. */
  leavesOut(file: string, path: ConfigurationPath): boolean {
    return this.#offline?.leavesOut(this.resolve(file), formatPath(path)) ?? false;
  }

  /** Reads a file that the configuration names, and notes what it looked like. */
  read(file: string, maxBytes: number): FileResult {
    return this.#noted(file, 'public', (place) => readBoundedFile(place, maxBytes));
  }

  /**
   * A secret that is no Ed25519 key: a password, a TLS key. Its faults are the caller's to note, and its bytes to wipe.
   */
  readSecret(file: string): FileResult {
    return this.#noted(file, 'secret', (place) => readSecretFile(place));
  }

  /** An Ed25519 private key, which is wiped when the load comes to nothing. */
  readPrivateKey(file: string): ReturnType<typeof loadPrivateKeyFile> {
    const absolute = this.#placeOf(file);
    const result = loadPrivateKeyFile(absolute);
    this.noteState(absolute, result.ok ? result.state : fileState(absolute));
    this.#offline?.note(this.resolve(file), 'secret', result);
    if (!result.ok) return result;
    this.filesRead.add(absolute);
    this.#privateKeys.push(result.key);
    return result;
  }

  /** Notes what a file looked like when it was read. One that changed between two readings matches no state. */
  noteState(absolute: string, state: FileState): void {
    const before = this.fileStates.get(absolute);
    const isSteady = before === undefined || before === state;
    this.fileStates.set(absolute, isSteady ? state : 'changed while it was read');
  }

  /**
   * Notes that the keys which were made for one signing domain cannot be read: a fault, but a warning where others are
   * to be served all the same, as it costs nobody but that domain its answers.
   */
  noteKeyDirectoryFault(node: ConfigurationNode, message: string, remedy: string): void {
    if (this.#isForServing) node.warn(`${message}, so no answer of that signing domain is signed; ${remedy}`);
    else node.problem(message, remedy);
  }

  /** Wipes the private keys of a load that came to nothing (docs/security-requirements.md#33). */
  wipePrivateKeys(): void {
    for (const key of this.#privateKeys) zeroize(key);
  }

  #noted(file: string, kind: LeftOutFile['kind'], read: (place: string) => FileResult): FileResult {
    const absolute = this.#placeOf(file);
    const result = read(absolute);
    this.noteState(absolute, result.ok ? stateOfRead(result) : fileState(absolute));
    this.#offline?.note(this.resolve(file), kind, result);
    if (result.ok) this.filesRead.add(absolute);
    return result;
  }

  #placeOf(file: string): string {
    const absolute = this.resolve(file);
    return this.#offline?.placeOf(absolute) ?? absolute;
  }
}

/** Long enough to get a certificate from somebody else. */
const soonMilliseconds = 14 * 24 * 3_600_000;

/** A node of the document: whoever compiles it notes here, under its path, what is wrong with it. */
export class ConfigurationNode {
  readonly load: LoadContext;
  readonly path: ConfigurationPath;

  constructor(load: LoadContext, path: ConfigurationPath) {
    this.load = load;
    this.path = path;
  }

  /** A node below this one. */
  at(...path: ConfigurationPath): ConfigurationNode {
    return new ConfigurationNode(this.load, [...this.path, ...path]);
  }

  /** Notes a fault. */
  problem(message: string, remedy: string): void {
    this.load.findings.problem(this.path, message, remedy);
  }

  /** Notes what is wrong with the file that is named here, unless this load does without it. */
  fileProblem(file: string, message: string, remedy: string): void {
    if (this.load.leavesOut(file, this.path)) return;
    this.problem(`the file ${this.load.resolve(file)} ${message}`, remedy);
  }

  /** Notes a fault where there is one. */
  noteFault(fault: readonly [message: string, remedy: string] | undefined): void {
    if (fault !== undefined) this.problem(...fault);
  }

  /** Notes what speaks against a place that the process will write to, if that is on this machine. */
  noteFaultOfPlace(judge: () => readonly [message: string, remedy: string] | undefined): void {
    if (!this.load.isOffline) this.noteFault(judge());
  }

  /** Notes something that is allowed and deserves a look. */
  warn(message: string): void {
    this.load.findings.warn(this.path, message);
  }

  /** Warns of an end that has come, or comes within 14 days. `what` begins the sentence: `this key`. */
  warnOfEnd(notAfterMs: number, what: string): void {
    const { nowMs } = this.load;
    if (notAfterMs <= nowMs) this.warn(`${what} has expired`);
    else if (notAfterMs - nowMs < soonMilliseconds)
      this.warn(`${what} ends within 14 days, at ${new Date(notAfterMs).toISOString()}`);
  }

  /** The validity that the two optional moments here describe; open ends are infinite. Notes an empty span. */
  validity(
    {
      notBefore,
      notAfter,
    }: { readonly notBefore?: string | undefined; readonly notAfter?: string | undefined },
    fallback: ValidityInterval = alwaysValid,
  ): ValidityInterval {
    const notBeforeMs = notBefore === undefined ? fallback.notBeforeMs : Date.parse(notBefore);
    const notAfterMs = notAfter === undefined ? fallback.notAfterMs : Date.parse(notAfter);
    if (notBeforeMs >= notAfterMs)
      this.at('notAfter').problem('is not later than notBefore', 'set notAfter after notBefore');
    return { notBeforeMs, notAfterMs };
  }

  /** The bytes of the key file that is named here, or undefined with the problem noted. */
  readKeyFile(file: string): Buffer | undefined {
    return this.#bytesOf(file, this.load.read(file, maxKeyFileBytes));
  }

  /** The bytes of the certificate file that is named here, or undefined with the problem noted. */
  readCertificateFile(file: string): Buffer | undefined {
    return this.#bytesOf(file, this.load.read(file, maxCertificateFileBytes));
  }

  /** The private key in the file that is named here, or undefined with the problem noted. */
  readPrivateKey(file: string): PrivateKey | undefined {
    const result = this.load.readPrivateKey(file);
    if (result.ok) return result.key;
    this.fileProblem(file, result.message, result.remedy);
    return undefined;
  }

  #bytesOf(file: string, result: FileResult): Buffer | undefined {
    if (result.ok) return result.bytes;
    this.fileProblem(file, result.message, result.remedy);
    return undefined;
  }
}

/** No limit on either side. */
export const alwaysValid: ValidityInterval = {
  notBeforeMs: Number.NEGATIVE_INFINITY,
  notAfterMs: Number.POSITIVE_INFINITY,
};
