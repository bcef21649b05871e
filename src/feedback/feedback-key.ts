/**
 * Keys that sign answers. Of one that is here, the private half is kept where no logger, printer or serializer finds it
 * (docs/security-requirements.md#33); of one that stays in a source, there is only the public half and where it is.
 */
import { equalBytes } from '../crypto/bytes.js';
import { portableSign } from '../crypto/portable.js';
import { zeroize, type PrivateKey } from '../crypto/private-key.js';
import type { Signer } from '../crypto/signing.js';
import type { PublicKey } from '../crypto/public-key.js';
import type { ValidityInterval } from '../protocol/validity-interval.js';

/** Any bytes will do: a deterministic signature is right or wrong. */
const SELF_TEST_MESSAGE = new TextEncoder().encode('countersign feedback key self-test');

/** One key of a signing domain: everything that can be seen of it is public. */
export type FeedbackKey = LocalFeedbackKey | RemoteFeedbackKey;

/** One key of a source, and one version of it: never "the latest". */
export interface KeyReference {
  /** A name of `keys.sources`. */
  readonly source: string;
  /** PKCS#11: the label of the private key. Vault: the name of the Transit key. */
  readonly key: string;
  /** Vault: its version, from 1. PKCS#11 has none. */
  readonly version: number | undefined;
}

/** What both have in common. */
class PublicHalf implements ValidityInterval {
  /** `[A-Za-z0-9._-]{1,64}`; names one key in the whole configuration. */
  readonly kid: string;
  readonly publicKey: PublicKey;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;

  constructor(kid: string, publicKey: PublicKey, { notBeforeMs, notAfterMs }: ValidityInterval) {
    this.kid = kid;
    this.publicKey = publicKey;
    this.notBeforeMs = notBeforeMs;
    this.notAfterMs = notAfterMs;
  }

  /** What `JSON.stringify` shows: the id and the hash of the public half. */
  toJSON(): { readonly kid: string; readonly publicKey: string } {
    return { kid: this.kid, publicKey: this.publicKey.fingerprint };
  }
}

/** A key whose private half is in this process. */
export class LocalFeedbackKey extends PublicHalf {
  readonly kind = 'local';
  /** Of a key in memory: the keyring document in which a root key vouches for it. */
  readonly document: string | undefined;
  readonly #privateKey: PrivateKey;

  constructor(kid: string, privateKey: PrivateKey, validity: ValidityInterval, document?: string) {
    super(kid, privateKey.publicKey, validity);
    this.document = document;
    this.#privateKey = privateKey;
    Object.freeze(this);
  }

  /** The 64-byte Ed25519 signature of exactly these bytes (RFC 8032 §5.1.6). Whether the key is valid now is not asked. */
  sign(signer: Signer, message: Uint8Array): Uint8Array {
    return signer.sign(this.#privateKey, message);
  }

  /** Whether a signer makes the same signature with this key as tweetnacl does (docs/security-requirements.md#6). Takes some milliseconds; never throws. */
  agreesWith(signer: Signer): boolean {
    try {
      const expected = portableSign(this.#privateKey, SELF_TEST_MESSAGE);
      return equalBytes(this.sign(signer, SELF_TEST_MESSAGE), expected);
    } catch {
      return false;
    }
  }

  /** Overwrites the private half; `sign` throws from then on. Copies inside an engine are beyond reach. */
  wipe(): void {
    zeroize(this.#privateKey);
  }

  /** The secret half, for the thread or process that signs; whoever takes the copy wipes it. */
  copySecret(): Uint8Array {
    return Uint8Array.from(this.#privateKey.secret);
  }
}

/** A key whose private half never comes here: its source signs, and what it gives is verified with the public half. */
export class RemoteFeedbackKey extends PublicHalf {
  readonly kind = 'remote';
  readonly reference: KeyReference;

  constructor(kid: string, publicKey: PublicKey, reference: KeyReference, validity: ValidityInterval) {
    super(kid, publicKey, validity);
    this.reference = Object.freeze({ ...reference });
    Object.freeze(this);
  }
}
