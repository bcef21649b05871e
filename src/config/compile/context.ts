/** What the compilers of the sections share while one file is loaded. */
import type { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { zeroize, type PrivateKey } from '../../crypto/private-key.js';
import type { PublicKeyResult } from '../../crypto/public-key.js';
import type { ValidityInterval } from '../../verify/snapshot.js';
import type { ConfigurationPath, Findings } from '../document/findings.js';
import { loadPrivateKeyFile, maxKeyFileBytes, readSecretFile } from '../files/private-key-file.js';
import {
  fileState,
  maxCertificateFileBytes,
  readBoundedFile,
  stateOfRead,
  type FileResult,
  type FileState,
} from '../files/read-file.js';
import { PublicKeyCache } from './public-key-cache.js';

/** One load of one file. Lives only as long as the load. */
export class LoadContext {
  readonly findings: Findings;
  readonly nowMs: number;
  /** Absolute paths of what was read, in order. */
  readonly filesRead = new Set<string>();
  /** What every file that was named looked like, also of those that could not be used; by absolute path. */
  readonly fileStates = new Map<string, FileState>();
  /** Whether a CA of the listener issued a certificate; present once the `envoy` section has been read. */
  isKnownToListener: ((certificate: X509Certificate) => boolean) | undefined;
  readonly #directory: string;
  readonly #publicKeys: PublicKeyCache;
  readonly #privateKeys: PrivateKey[] = [];

  constructor(options: {
    readonly findings: Findings;
    readonly nowMs: number;
    readonly directory: string;
    readonly publicKeys?: PublicKeyCache | undefined;
  }) {
    this.findings = options.findings;
    this.nowMs = options.nowMs;
    this.#directory = options.directory;
    this.#publicKeys = options.publicKeys ?? new PublicKeyCache();
    this.#publicKeys.beginLoad();
  }

  /** A path of the file as an absolute one. */
  resolve(path: string): string {
    return resolve(this.#directory, path);
  }

  /** Notes a fault where there is one. */
  noteFault(path: ConfigurationPath, fault: readonly [message: string, remedy: string] | undefined): void {
    if (fault !== undefined) this.findings.problem(path, ...fault);
  }

  /** The bytes of a key file, or undefined with the problem noted under `path`. */
  readKeyFile(file: string, path: ConfigurationPath): Buffer | undefined {
    return this.#read(file, path, maxKeyFileBytes);
  }

  /** Parses a public key. A key that many identities share is judged once, as that takes a millisecond or two. */
  parsePublicKey(encoded: string | Buffer): PublicKeyResult {
    return this.#publicKeys.parse(encoded);
  }

  /** The private key in a file, or undefined with the problem noted under `path`. */
  readPrivateKey(file: string, path: ConfigurationPath): PrivateKey | undefined {
    const absolute = this.resolve(file);
    const result = loadPrivateKeyFile(absolute);
    if (result.ok) {
      this.filesRead.add(absolute);
      this.noteState(absolute, result.state);
      this.#privateKeys.push(result.key);
      return result.key;
    }
    this.noteState(absolute, fileState(absolute));
    this.findings.problem(path, `the file ${absolute} ${result.message}`, result.remedy);
    return undefined;
  }

  /**
   * A secret that is no Ed25519 key: a password, a TLS key. Its faults are the caller's to note, and its bytes to wipe.
   */
  readSecret(file: string): FileResult {
    return this.#noted(file, readSecretFile(this.resolve(file)));
  }

  /** Notes what a file looked like when it was read. One that changed between two readings matches no state. */
  noteState(absolute: string, state: FileState): void {
    const before = this.fileStates.get(absolute);
    this.fileStates.set(
      absolute,
      before === undefined || before === state ? state : 'changed while it was read',
    );
  }

  /** Wipes the private keys of a load that came to nothing (docs/security-requirements.md#33). */
  wipePrivateKeys(): void {
    for (const key of this.#privateKeys) zeroize(key);
  }

  /** The bytes of a certificate file, or undefined with the problem noted under `path`. */
  readCertificateFile(file: string, path: ConfigurationPath): Buffer | undefined {
    return this.#read(file, path, maxCertificateFileBytes);
  }

  /** The validity that two optional moments describe; open ends are infinite. Notes an empty span. */
  validity(
    value: { readonly notBefore?: string | undefined; readonly notAfter?: string | undefined },
    path: ConfigurationPath,
    fallback: ValidityInterval = alwaysValid,
  ): ValidityInterval {
    const notBeforeMs = value.notBefore === undefined ? fallback.notBeforeMs : Date.parse(value.notBefore);
    const notAfterMs = value.notAfter === undefined ? fallback.notAfterMs : Date.parse(value.notAfter);
    if (notBeforeMs >= notAfterMs)
      this.findings.problem(
        [...path, 'notAfter'],
        'is not later than notBefore',
        'set notAfter after notBefore',
      );
    return { notBeforeMs, notAfterMs };
  }

  #read(file: string, path: ConfigurationPath, maxBytes: number): Buffer | undefined {
    const absolute = this.resolve(file);
    const result = this.#noted(file, readBoundedFile(absolute, maxBytes));
    if (result.ok) return result.bytes;
    this.findings.problem(path, `the file ${absolute} ${result.message}`, result.remedy);
    return undefined;
  }

  #noted(file: string, result: FileResult): FileResult {
    const absolute = this.resolve(file);
    this.noteState(absolute, result.ok ? stateOfRead(result) : fileState(absolute));
    if (result.ok) this.filesRead.add(absolute);
    return result;
  }
}

/** No limit on either side. */
export const alwaysValid: ValidityInterval = {
  notBeforeMs: Number.NEGATIVE_INFINITY,
  notAfterMs: Number.POSITIVE_INFINITY,
};

/** Whether two spans share a moment. */
export function intervalsOverlap(left: ValidityInterval, right: ValidityInterval): boolean {
  return left.notBeforeMs < right.notAfterMs && right.notBeforeMs < left.notAfterMs;
}

/** Long enough to get a certificate from somebody else. */
const soonMilliseconds = 14 * 24 * 3_600_000;

/** Warns of an end that has come, or comes within 14 days. `what` begins the sentence: `this key`. */
export function warnOfEnd(
  notAfterMs: number,
  what: string,
  path: ConfigurationPath,
  { findings, nowMs }: LoadContext,
): void {
  if (notAfterMs <= nowMs) findings.warn(path, `${what} has expired`);
  else if (notAfterMs - nowMs < soonMilliseconds)
    findings.warn(path, `${what} ends within 14 days, at ${new Date(notAfterMs).toISOString()}`);
}
