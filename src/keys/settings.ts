/** The sources of `keys.sources`, as they are opened. */
import type { Secret } from '../storage/redis/settings.js';

interface CommonSettings {
  readonly name: string;
  readonly maxMessageBytes: number;
  /** Of one signature, waiting in the queue not counted. */
  readonly timeoutMilliseconds: number;
}

/** A token behind a PKCS#11 module. */
export interface Pkcs11Settings extends CommonSettings {
  readonly kind: 'pkcs11';
  /** The shared library; absolute. */
  readonly modulePath: string;
  /** All that the module's process has of an environment, by name: where its own settings are (`SOFTHSM2_CONF`). */
  readonly environment: Readonly<Record<string, string>>;
  /** The label of the token, or the id of its slot: one of the two. */
  readonly token: string | undefined;
  readonly slot: number | undefined;
  readonly pin: Secret;
}

/** Vault's, or OpenBao's, Transit engine. */
export interface VaultSettings extends CommonSettings {
  readonly kind: 'vault';
  /** `https:`, or `http:` of a loopback address. */
  readonly url: string;
  /** PEM; undefined for those that Node was built with. */
  readonly authority: string | undefined;
  readonly mount: string;
  readonly namespace: string | undefined;
  readonly auth:
    | { readonly kind: 'token'; readonly tokenPath: string }
    | {
        readonly kind: 'kubernetes';
        readonly mount: string;
        readonly role: string;
        readonly jwtPath: string;
      };
}

/** One source. */
export type KeySourceSettings = Pkcs11Settings | VaultSettings;
