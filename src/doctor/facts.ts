/** What the rules know besides documents: gathered by the command, plain data for the rules. */

/** A certificate that Envoy shows or trusts. */
export interface CertificateFact {
  readonly where: string;
  readonly use: 'server' | 'client_ca';
  /** Its place in its chain or bundle. */
  readonly subject: string;
  /** Unix milliseconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Of its DER, in hexadecimal. */
  readonly sha256: string;
  /** The first of its chain or bundle. */
  readonly isFirst: boolean;
}

/** Hashes of what the files of our configuration hold; undefined where a file is not here. */
export interface ConfiguredCertificates {
  /** The certificate that clients are shown. */
  readonly server: string | undefined;
  readonly clientAuthorities: readonly string[] | undefined;
}

/** A file of the file system, as far as it could be looked at. */
export interface FileFact {
  readonly path: string;
  readonly mode: number;
  readonly isSocket: boolean;
  readonly isDirectory: boolean;
}

/** A clock elsewhere, against ours. */
export interface ClockFact {
  /** Whose. */
  readonly who: string;
  /** How far it is ahead of ours, seconds; negative: behind. Whole seconds, as HTTP dates have. */
  readonly aheadSeconds: number;
}

/** The running verifier, from its admin port. */
export interface LiveVerifier {
  readonly url: string;
  readonly ready: boolean;
  /** Why it does not serve, in its words. */
  readonly reasons: string;
  readonly policies: readonly string[] | undefined;
  readonly configurationFile: string | undefined;
  /** Why the last reload was refused, in its words; undefined where none was. */
  readonly refusedReload: string | undefined;
}

/** All of them; what was not gathered is empty. */
export interface Facts {
  readonly certificates: readonly CertificateFact[];
  readonly configured: ConfiguredCertificates | undefined;
  readonly files: readonly FileFact[];
  readonly clocks: readonly ClockFact[];
  readonly verifier: LiveVerifier | undefined;
}

/** Nothing gathered. */
export const NO_FACTS: Facts = {
  certificates: [],
  configured: undefined,
  files: [],
  clocks: [],
  verifier: undefined,
};
