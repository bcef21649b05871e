/** Why something is no keyring: a closed union, with a sentence for people. */
import { describeKeyFault, type KeyFault } from '../../crypto/key-fault.js';
import { quoteText } from '../../json/escape-text.js';
import type { JsonFault } from '../../json/faults.js';

/** Every way in which making a keyring fails. */
export type KeyringFault =
  | { readonly code: 'not_json'; readonly fault: JsonFault; readonly offset: number }
  /** JSON, but neither an object of keys nor a JWK set. */
  | { readonly code: 'not_a_keyring' }
  | { readonly code: 'empty' }
  | { readonly code: 'too_many_keys' }
  | { readonly code: 'bad_kid'; readonly kid: string }
  | { readonly code: 'repeated_kid'; readonly kid: string }
  /** Neither a text nor an object with the members of an entry. */
  | { readonly code: 'bad_entry'; readonly kid: string }
  /** A moment without its zone, or a span that is empty. */
  | { readonly code: 'bad_validity'; readonly kid: string }
  | { readonly code: 'bad_key'; readonly kid: string; readonly fault: KeyFault }
  /** The file of a key could not be read; `message` is in plain words. */
  | { readonly code: 'unreadable_key_file'; readonly kid: string; readonly message: string };

/** One sentence without a full stop. A key id of the file in it is quoted and escaped. */
export function describeKeyringFault(fault: KeyringFault): string {
  switch (fault.code) {
    case 'not_json':
      return `it is not acceptable JSON: ${fault.fault} at byte ${fault.offset}`;
    case 'not_a_keyring':
      return 'it is neither a JSON object of key id and public key, nor a JWK set';
    case 'empty':
      return 'it holds no Ed25519 key';
    case 'too_many_keys':
      return 'it holds more than 256 keys';
    case 'bad_kid':
      return `the key id ${quoteText(fault.kid)} is not 1 to 64 letters, digits, ".", "_" or "-"`;
    case 'repeated_kid':
      return `the key id ${quoteText(fault.kid)} comes twice`;
    case 'bad_entry':
      return `the entry ${quoteText(fault.kid)} is neither a text nor an object of publicKey (or publicKeyFile), notBefore and notAfter`;
    case 'bad_validity':
      return `the validity of ${quoteText(fault.kid)} is no span between two moments with their zone, such as 2026-01-01T00:00:00Z`;
    case 'bad_key':
      return `the entry ${quoteText(fault.kid)}: ${describeKeyFault(fault.fault)}`;
    case 'unreadable_key_file':
      return `the key file of ${quoteText(fault.kid)} ${fault.message}`;
  }
}
