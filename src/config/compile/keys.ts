/** An identity's keys: read, judged, and told apart by their ids. */
import { describeKeyFault, type KeyFault, type PublicKey } from '../../crypto/public-key.js';
import type { ValidityInterval, VerificationKey } from '../../verify/snapshot.js';
import { quoteText } from '../../json/escape-text.js';
import type { KeyInput } from '../schema/identity.js';
import type { ConfigurationNode } from './context.js';

/** The usable keys of one identity; every fault of the others is noted. */
export function compileKeys(inputs: readonly KeyInput[], node: ConfigurationNode): VerificationKey[] {
  const keys = inputs.map((input, index) => compileKey(input, node.at(index)));
  keys.forEach((key, index) => {
    if (key === undefined) return;
    for (const earlier of keys.slice(0, index))
      if (earlier?.kid === key.kid) compareNamesakes(earlier, key, node.at(index, 'kid'));
  });
  return keys.filter((key) => key !== undefined);
}

function compileKey(input: KeyInput, node: ConfigurationNode): VerificationKey | undefined {
  const validity = node.validity(input);
  if (new Set(input.purposes).size < input.purposes.length)
    node.at('purposes').problem('names a purpose twice', 'name each purpose once');
  const publicKey = readPublicKey(input, node);
  if (publicKey === undefined) return undefined;
  node.at('notAfter').warnOfEnd(validity.notAfterMs, 'this key');
  return { kid: input.kid, purposes: input.purposes, publicKey, ...validity };
}

function readPublicKey(
  { publicKey, publicKeyFile }: KeyInput,
  node: ConfigurationNode,
): PublicKey | undefined {
  if ((publicKey === undefined) === (publicKeyFile === undefined)) {
    const message = publicKey === undefined ? 'has no key' : 'has two keys';
    node.problem(message, 'give either publicKey or publicKeyFile');
    return undefined;
  }
  const member = node.at(publicKey === undefined ? 'publicKeyFile' : 'publicKey');
  const encoded = publicKey ?? member.readKeyFile(publicKeyFile ?? '');
  return encoded === undefined ? undefined : publicKeyAt(encoded, member);
}

/** A public key as it stands at a node, or undefined with the problem noted. */
export function publicKeyAt(encoded: string | Buffer, node: ConfigurationNode): PublicKey | undefined {
  const result = node.load.publicKeys.parse(encoded);
  if (result.ok) return result.key;
  const fault = looksLikePkcs8(encoded) ? privateKeyFault : result.fault;
  node.problem(describeKeyFault(fault), keyRemedy(fault));
  return undefined;
}

const privateKeyFault: KeyFault = { code: 'private_where_public_expected', encoding: 'base64' };

/** Base64 of a PKCS#8 Ed25519 key (RFC 8410) always begins so; without this it is only "of a wrong length". */
function looksLikePkcs8(encoded: string | Buffer): boolean {
  const text = typeof encoded === 'string' ? encoded : encoded.toString('latin1');
  return /^\s*M[CFG][A-Za-z0-9+/]CA[QE]AwBQYDK2Vw/.test(text);
}

function keyRemedy(fault: KeyFault): string {
  if (fault.code === 'private_where_public_expected')
    return 'put the public key here; as the private one has been in a configuration, make a new pair with `countersign keygen`';
  if (fault.code === 'bad_point') return 'ask its owner for a new key, made with `countersign keygen`';
  return 'give the Ed25519 public key as base64 of 32 bytes, PEM SPKI, an OpenSSH line or a JWK';
}

/** One kid means one key, so that a record with a kid says which key it was. */
function compareNamesakes(earlier: VerificationKey, later: VerificationKey, node: ConfigurationNode): void {
  const kid = quoteText(later.kid);
  if (earlier.publicKey.fingerprint !== later.publicKey.fingerprint) {
    node.problem(`names two different keys ${kid}`, 'give the new key an id of its own');
    return;
  }
  const shared = earlier.purposes.some((purpose) => later.purposes.includes(purpose));
  if (shared && intervalsOverlap(earlier, later))
    node.problem(`repeats ${kid} in overlapping validity`, 'keep one entry, or part their validity');
}

/** Whether two spans share a moment. */
function intervalsOverlap(left: ValidityInterval, right: ValidityInterval): boolean {
  return left.notBeforeMs < right.notAfterMs && right.notBeforeMs < left.notAfterMs;
}
