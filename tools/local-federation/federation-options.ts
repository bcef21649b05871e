/** What a caller of the library says about the federation that it wants. */
import type { ConfigurationDocument } from './configuration.js';
import type { OwnUpstream } from './options.js';
import type { Lifetime } from './processes.js';
import type { Progress } from './progress.js';
import type { Nonces } from './redis.js';

/** What a federation is to be. Everything but the place has a default. */
export interface FederationOptions {
  /** Where its files lie; relative to the repository when it is not absolute. Keep it short: it holds a socket. */
  readonly stateDirectory: string;
  /** Envoy's TLS port. Default: that of the last start in this place, else a free one. */
  readonly port?: number | undefined;
  /** The application. Default: the reference upstream. */
  readonly upstream?: OwnUpstream | undefined;
  /** Per verified operator; 0, the default here, is no limit. */
  readonly rateLimitPerMinute?: number;
  /** Default `lmdb`. */
  readonly nonces?: Nonces;
  /** Default: what `scripts/envoy.sh` finds. */
  readonly envoyBinary?: string | undefined;
  /** Default `background`. */
  readonly lifetime?: Lifetime;
  /** The last word on `countersign.yaml`, for tests of other settings. Relative paths are relative to the place. */
  readonly patchConfiguration?: (document: ConfigurationDocument) => ConfigurationDocument;
  /** Variables for the verifier's process, beside our own: a library of a test that moves its clock, say. */
  readonly verifierEnvironment?: Readonly<Record<string, string>>;
  /** The last word on `envoy.yaml`, as text. */
  readonly patchBootstrap?: (bootstrap: string) => string;
  /** Default: silent. */
  readonly progress?: Progress;
}
