/** A public key that a command line gives: the text of it, or a file. */
import { maxKeyFileBytes } from '../config/files/private-key-file.js';
import { describeKeyFault, encodePublicKey, parsePublicKey } from '../crypto/public-key.js';
import { CliFault, ExitCode } from './command.js';
import { readArgument, readOrFault } from './files.js';

/** Base64 of its 32 bytes, as configurations have it. A text that is a key is no name of a file. */
export function readPublicKeyArgument(argument: string): string {
  const text = parsePublicKey(argument);
  if (text.ok) return encodePublicKey(text.key, 'base64').trim();
  if (text.fault.code === 'private_where_public_expected') throw privateKeyFault();
  const file = readOrFault('the public key:', argument, readArgument(argument, maxKeyFileBytes));
  const read = parsePublicKey(file.bytes);
  file.bytes.fill(0);
  if (read.ok) return encodePublicKey(read.key, 'base64').trim();
  if (read.fault.code === 'private_where_public_expected') throw privateKeyFault();
  throw new CliFault(
    `the public key: ${argument}: ${describeKeyFault(read.fault)}`,
    'give an Ed25519 public key: base64 of 32 bytes, PEM SPKI, an OpenSSH line or a JWK, or a file with one',
    ExitCode.refused,
  );
}

function privateKeyFault(): CliFault {
  return new CliFault(
    'the public key is a private key',
    'give the public half; as the private one has been shown, make a new pair with `countersign keygen`',
    ExitCode.refused,
  );
}
