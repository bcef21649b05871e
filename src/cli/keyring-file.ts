/** The keyring that a command is given: a file, or JSON on the command line. */
import { keyringFromJson } from '../client/feedback/keyring-document.js';
import {
  describeKeyringFault,
  type FeedbackKeyring,
  type KeyringResult,
} from '../client/feedback/keyring.js';
import { readKeyringFile, type KeyringFileResult } from '../client/keyring-file.js';
import { CliFault } from './cli-fault.js';

/** JSON where it begins with a brace, else the path of a file. Throws a fault when there is no keyring. */
export function readKeyring(fileOrJson: string): FeedbackKeyring {
  const isJson = fileOrJson.trimStart().startsWith('{');
  const result: KeyringResult | KeyringFileResult = isJson
    ? keyringFromJson(fileOrJson)
    : readKeyringFile(fileOrJson);
  if (result.ok) return result.keyring;
  const { fault } = result;
  const name = isJson ? '--keyring' : fileOrJson;
  throw new CliFault(
    fault.code === 'unreadable'
      ? `the keyring: ${name} ${fault.message}`
      : `the keyring: ${name}: ${describeKeyringFault(fault)}`,
    'give key ids and public keys as "countersign keyring" prints them, or the JWK set of the admin port',
  );
}
