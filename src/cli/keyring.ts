/** `countersign keyring`: the public keys that consumers verify answers with. */
import { publishedKeys, publishedRoots, toJwkSet, toKeyMap } from '../feedback/keyring.js';
import type { Configuration } from '../config/settings.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { addConfigurationFile, configurationAction, loadReporting } from './configuration.js';
import { jsonText } from './text.js';
import {
  type FeedbackKeyring,
  type KeyringResult,
  describeKeyringFault,
  keyringFromJson,
} from '../client/feedback/keyring.js';
import { type KeyringFileResult, readKeyringFile } from '../client/keyring-file.js';

interface KeyringOptions {
  readonly json?: true;
  readonly map?: true;
  readonly roots?: true;
  readonly tenant?: string;
}

async function keyring(world: CliWorld, file: string, options: KeyringOptions): Promise<ExitCode> {
  if (options.json && options.map) throw usageFault('--json and --map', 'give one of them');
  const loaded = await loadReporting(world, file, options);
  if (!loaded.ok) return ExitCode.refused;
  const feedback = settingsOf(loaded.configuration, options.tenant);
  const roots = publishedRoots(feedback, world.nowMs(), options.tenant);
  const keys = options.roots ? roots : publishedKeys(feedback, world.nowMs(), options.tenant);
  if (!options.roots && roots.length > 0)
    world.err(
      'countersign: keys in memory are known to the verifier alone: ask /keyring of its admin port, or pin the root keys (--roots)\n',
    );
  else if (keys.length === 0)
    world.err(`countersign: ${options.roots ? whyNoRoot(options) : whyNone(loaded.configuration)}\n`);
  world.out(
    options.map ? `${JSON.stringify(Object.fromEntries(toKeyMap(keys)))}\n` : jsonText(toJwkSet(keys)),
  );
  return ExitCode.good;
}

function whyNoRoot({ tenant }: KeyringOptions): string {
  return tenant === undefined
    ? 'no domain delegates'
    : `the keys that sign for the tenant ${tenant} are no roots`;
}

function whyNone({ settings }: Configuration): string {
  return settings.keyRotation === undefined
    ? 'every key has ended, so no answer is signed'
    : 'there is no key yet: a verifier with keys.rotation makes the first at its start; ask again then';
}

function settingsOf({ file, snapshot }: Configuration, tenant: string | undefined) {
  const { feedback, operators } = snapshot;
  if (feedback === undefined)
    throw new CliFault(`${file} has no "feedback" section, so no answer is signed`, 'add feedback.keys');
  if (tenant !== undefined && ![...operators.values()].includes(tenant))
    throw new CliFault(`no operator is mapped to the tenant ${tenant}`, 'give a tenant of `operators`');
  return feedback;
}

/** Adds the command. */
export const registerKeyring: Register = (program, session) => {
  const command = program
    .command('keyring')
    .description('print the public keys that consumers verify signed answers with, as a JWK set');
  addConfigurationFile(command)
    .option('--json', 'a JWK set (RFC 7517), which is the default')
    .option('--map', 'one line of JSON instead: key id to base64 of the 32 bytes')
    .option(
      '--roots',
      'instead the root keys that vouch for keys in memory (docs/feedback.md#delegated-keys)',
    )
    .option('--tenant <uuid>', 'only the keys that sign for this tenant')
    .addHelpText(
      'after',
      examples(
        'countersign keyring countersign.yaml > keyring.json',
        'countersign keyring --map --tenant 11111111-1111-4111-8111-111111111111 countersign.yaml',
      ),
    )
    .action(configurationAction(session, keyring));
};

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
