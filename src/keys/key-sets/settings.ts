/** Key sets of `identities[].keySets`, as the configuration gives them. */
import type { KeyPurpose } from '../../verify/snapshot.js';

/** One set of one identity: where it is published, and which of its keys count. */
export interface KeySetSettings {
  /** The name of the identity. */
  readonly identity: string;
  /** `https:`, or `http:` of a loopback address. */
  readonly url: string;
  /** PEM; undefined for those that Node was built with. */
  readonly authority: string | undefined;
  /** RFC 7638, SHA-256, base64url: a key counts if its own is one of them. */
  readonly thumbprints: readonly string[];
  readonly purposes: readonly KeyPurpose[];
  /** It is fetched again within this time. */
  readonly refreshSeconds: number;
  /** How long its keys count after the last fetch that succeeded. */
  readonly maxStaleSeconds: number;
}
