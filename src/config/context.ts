/** What the compilers of the sections share while one file is loaded. */
import { resolve } from 'node:path';
import type { ConfigurationPath, Findings } from './findings.js';
import { loadPrivateKeyFile } from './private-key-file.js';
import { readBoundedFile } from './read-file.js';
import type { PrivateKey } from '../crypto/private-key.js';
import { parsePublicKey, type PublicKeyResult } from '../crypto/public-key.js';
import type { ValidityInterval } from '../verify/snapshot.js';

/** Public keys are tens of bytes; a file larger than this is another file. */
const maxKeyFileBytes = 64 * 1024;
/** Certificates are a few KiB, CA bundles some hundred. */
const maxCertificateFileBytes = 4 * 1024 * 1024;

/** One load of one file. Lives only as long as the load. */
export class LoadContext {
  readonly findings: Findings;
  /** Sections that were dropped in part or whole. */
  readonly broken: ReadonlySet<string>;
  readonly nowMs: number;
  /** Absolute paths of what was read, in order. */
  readonly filesRead = new Set<string>();
  readonly #directory: string;
  readonly #publicKeys = new Map<string, PublicKeyResult>();

  constructor(options: {
    readonly findings: Findings;
    readonly broken: ReadonlySet<string>;
    readonly nowMs: number;
    readonly directory: string;
  }) {
    this.findings = options.findings;
    this.broken = options.broken;
    this.nowMs = options.nowMs;
    this.#directory = options.directory;
  }

  /** A path of the file as an absolute one. */
  resolve(path: string): string {
    return resolve(this.#directory, path);
  }

  /** The bytes of a key file, or undefined with the problem noted under `path`. */
  readKeyFile(file: string, path: ConfigurationPath): Buffer | undefined {
    return this.#read(file, path, maxKeyFileBytes);
  }

  /** Parses a public key. A key that many identities share is judged once, as that takes a millisecond or two. */
  parsePublicKey(encoded: string | Buffer): PublicKeyResult {
    const text = typeof encoded === 'string' ? `text ${encoded}` : `file ${encoded.toString('latin1')}`;
    const known = this.#publicKeys.get(text);
    const result = known ?? parsePublicKey(encoded);
    if (known === undefined) this.#publicKeys.set(text, result);
    return result;
  }

  /** The private key in a file, or undefined with the problem noted under `path`. */
  readPrivateKey(file: string, path: ConfigurationPath): PrivateKey | undefined {
    const absolute = this.resolve(file);
    const result = loadPrivateKeyFile(absolute);
    if (result.ok) {
      this.filesRead.add(absolute);
      return result.key;
    }
    this.findings.problem(path, `the file ${absolute} ${result.message}`, result.remedy);
    return undefined;
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
    const result = readBoundedFile(absolute, maxBytes);
    if (result.ok) {
      this.filesRead.add(absolute);
      return result.bytes;
    }
    this.findings.problem(path, `the file ${absolute} ${result.message}`, result.remedy);
    return undefined;
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
