/**
 * A keyring document: a root key vouches, for some hours, for a key that lives in memory and signs answers. It is a JWS
 * in compact form (RFC 7515 §7.1) with a JWK set in it, so that a consumer in any language has a library for it
 * (docs/adr/0047-delegation.md). Written here; `client/feedback/delegation.ts` reads it.
 */
import { encodeBase64Url } from '../crypto/bytes.js';
import type { PublicKey } from '../crypto/public-key.js';
import { DELEGATION_TYPE } from '../protocol/syntax.js';
import type { ValidityInterval } from '../protocol/validity-interval.js';
import { toJwkSet } from './keyring.js';

/** What a document says. */
export interface DelegationClaims {
  /** The id of the root key. */
  readonly rootKid: string;
  /** Whose consumers it is for; undefined: those of every tenant without a signing domain of its own. */
  readonly tenant: string | undefined;
  /** When it was made, Unix milliseconds. */
  readonly issuedAtMs: number;
  readonly key: ValidityInterval & { readonly kid: string; readonly publicKey: PublicKey };
}

/** The bytes that the root key signs: `header.payload`, ASCII (RFC 7515 §5.1). Bounds of validity are whole seconds. */
export function delegationInput({ rootKid, tenant, issuedAtMs, key }: DelegationClaims): Uint8Array {
  const header = { alg: 'EdDSA', typ: DELEGATION_TYPE, kid: rootKid };
  const payload = {
    iat: Math.floor(issuedAtMs / 1000),
    exp: Math.floor(key.notAfterMs / 1000),
    ...(tenant === undefined ? {} : { tenant }),
    ...toJwkSet([key]),
  };
  return encode([header, payload].map((part) => encodeBase64Url(encode(JSON.stringify(part)))).join('.'));
}

/** The document, of its input and the root key's 64-byte signature over it. */
export function delegationDocument(input: Uint8Array, signature: Uint8Array): string {
  return `${new TextDecoder().decode(input)}.${encodeBase64Url(signature)}`;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
