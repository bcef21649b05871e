/** Ed25519 keys as JSON Web Keys (RFC 7517, RFC 8037 §2). Runs anywhere: no Node built-in and no Buffer. */
import { decodeBase64Url, encodeBase64Url } from './bytes.js';
import type { PrivateParts } from './der.js';
import { faultOfAlgorithm, type KeyFault, type MalformedPart } from './key-fault.js';

type Members = Readonly<Record<string, unknown>>;

function malformed(part: MalformedPart): KeyFault {
  return { code: 'malformed', encoding: 'jwk', part };
}

function parseMembers(text: string): Members | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Members)
      : undefined;
  } catch {
    return undefined;
  }
}

/** For a member that is no text, its type says enough. */
function faultOfType(value: unknown): KeyFault {
  return typeof value === 'string'
    ? faultOfAlgorithm('jwk', value, 'jwk_type')
    : { code: 'not_ed25519', encoding: 'jwk', algorithm: typeof value };
}

/** Why the members are not those of an Ed25519 signature key; the key bytes are not looked at. */
function findHeaderFault(jwk: Members): KeyFault | undefined {
  if (jwk['kty'] !== 'OKP') return faultOfType(jwk['kty']);
  if (jwk['crv'] !== 'Ed25519') return faultOfType(jwk['crv']);
  const isForSignatures = jwk['use'] === undefined || jwk['use'] === 'sig';
  const isEdDsa = jwk['alg'] === undefined || jwk['alg'] === 'EdDSA' || jwk['alg'] === 'Ed25519';
  return isForSignatures && isEdDsa ? undefined : malformed('jwk_use');
}

function decodeMember(value: unknown): Uint8Array | undefined {
  const bytes = typeof value === 'string' ? decodeBase64Url(value) : undefined;
  return bytes?.length === 32 ? bytes : undefined;
}

/** The 32 bytes of a public JWK, not yet judged as a point. A JWK with `d` is a private key, and a fault here. */
export function readPublicJwk(text: string): Uint8Array | KeyFault {
  const jwk = parseMembers(text);
  return jwk === undefined ? malformed('jwk_json') : readPublicMembers(jwk);
}

/** The same of a JWK whose JSON was read already, such as a member of a set. */
export function readPublicMembers(jwk: Members): Uint8Array | KeyFault {
  const fault = findHeaderFault(jwk);
  if (fault !== undefined) return fault;
  if (Object.hasOwn(jwk, 'd')) return { code: 'private_where_public_expected', encoding: 'jwk' };
  return decodeMember(jwk['x']) ?? malformed('jwk_x');
}

/** The seed of a private JWK; RFC 8037 demands the public `x` beside it. */
export function readPrivateJwk(text: string): PrivateParts | KeyFault {
  const jwk = parseMembers(text);
  if (jwk === undefined) return malformed('jwk_json');
  const fault = findHeaderFault(jwk);
  if (fault !== undefined) return fault;
  if (!Object.hasOwn(jwk, 'd')) return { code: 'public_where_private_expected', encoding: 'jwk' };
  const [seed, claimedPublicKey] = [decodeMember(jwk['d']), decodeMember(jwk['x'])];
  if (claimedPublicKey === undefined) return malformed('jwk_x');
  return seed === undefined ? malformed('jwk_d') : { seed, claimedPublicKey };
}

/** A public JWK, as one line of JSON. */
export function writePublicJwk(publicKey: Uint8Array): string {
  return JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: encodeBase64Url(publicKey) });
}

/** What is hashed for a thumbprint (RFC 7638 §3.2): the members that RFC 8037 §2 requires of an Ed25519 key, in their order. */
export function thumbprintText(publicKey: Uint8Array): string {
  return JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x: encodeBase64Url(publicKey) });
}

/** A private JWK, as one line of JSON. @param secret seed || public key, 64 bytes. */
export function writePrivateJwk(secret: Uint8Array): string {
  const [d, x] = [secret.subarray(0, 32), secret.subarray(32)].map(encodeBase64Url);
  return JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x, d });
}
