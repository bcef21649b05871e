/** A log before it is served: made where there is none, and otherwise judged whether it can be gone on with. */
import type { PrivateKey } from '../../crypto/private-key.js';

/** Which log a verifier keeps. */
export interface LogIdentity {
  readonly directory: string;
  /** The log's name; `{instance}` in it stands for eight hex digits that are made once a directory. */
  readonly origin: string;
  readonly key: PrivateKey;
}

/** A log that is there. */
export interface PreparedLog {
  readonly directory: string;
  /** With `{instance}` replaced. */
  readonly origin: string;
  /** C2SP signed-note, one line: what is given to those who verify. */
  readonly verifierKey: string;
}

/**
 * Makes the log where the directory is missing or empty, and otherwise judges what lies there. To be called before the
 * writers and the sequencer are opened, by however many processes. Throws `StorageError`, with path and remedy: of
 * another origin or key, or of a directory in which something is missing, no log is made in silence.
 */
export type PrepareLog = (log: LogIdentity) => Promise<PreparedLog>;
