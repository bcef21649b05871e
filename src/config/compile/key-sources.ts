/** The `keys` section: the sources that sign with keys which stay there. Nothing is contacted. */
import { statSync } from 'node:fs';
import { quoteText } from '../../json/escape-text.js';
import type { KeySourceSettings, Pkcs11Settings, VaultSettings } from '../../keys/settings.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../../keys/vault/limits.js';
import type { KeySourceInput } from '../schema/keys.js';
import type { ConfigurationInput } from '../schema/schema.js';
import type { KeySettings } from '../settings.js';
import { readAuthority, serverUrl } from './audit-holders.js';
import type { ConfigurationNode, LoadContext } from './context.js';
import { readSecret } from './secret-line.js';

/** What HSMs in the field sign at least in one operation of Ed25519 (some buffer no more). */
const PKCS11_MESSAGE_BYTES = 16_000;

/** The longest message that a source signs, in bytes. */
export function maxMessageBytesOf({ kind, maxMessageBytes }: KeySourceInput): number {
  return maxMessageBytes ?? (kind === 'pkcs11' ? PKCS11_MESSAGE_BYTES : DEFAULT_MAX_MESSAGE_BYTES);
}

/** Compiles the section; faults are noted, and sources that cannot be used are absent. */
export function compileKeySettings(
  { keys, limits }: Pick<ConfigurationInput, 'keys' | 'limits'>,
  load: LoadContext,
): KeySettings {
  const node = load.at('keys', 'sources');
  const sources = Object.entries(keys.sources).flatMap(([name, input]): KeySourceSettings[] => {
    const own = node.at(name);
    judgeTimeout(input, limits.checkTimeoutMilliseconds, own.at('timeoutMilliseconds'));
    refuseForeignMembers(input, own);
    const settings =
      input.kind === 'pkcs11' ? compilePkcs11(name, input, own) : compileVault(name, input, own);
    return settings === undefined ? [] : [settings];
  });
  return { sources };
}

/** An answer that is being signed is waited for by Envoy, half a second longer than a check is (docs/keys.md). */
function judgeTimeout(
  { timeoutMilliseconds }: KeySourceInput,
  checkTimeoutMilliseconds: number,
  node: ConfigurationNode,
): void {
  if (timeoutMilliseconds > checkTimeoutMilliseconds)
    node.problem(
      `is more than limits.checkTimeoutMilliseconds (${checkTimeoutMilliseconds}): Envoy would have given the answer up`,
      'lower it, or raise limits.checkTimeoutMilliseconds',
    );
}

/** What each kind has no use for. */
const foreignMembers = {
  pkcs11: ['url', 'caFile', 'mount', 'namespace', 'auth'],
  vault: ['module', 'token', 'slot', 'pinFile', 'environment'],
} as const;

function refuseForeignMembers(input: KeySourceInput, node: ConfigurationNode): void {
  for (const member of foreignMembers[input.kind])
    if (input[member] !== undefined)
      node.at(member).problem(`has no effect on a source of kind ${input.kind}`, 'remove it');
}

function compilePkcs11(
  name: string,
  input: KeySourceInput,
  node: ConfigurationNode,
): Pkcs11Settings | undefined {
  const { module, token, slot, pinFile, environment = {}, timeoutMilliseconds } = input;
  if ((token === undefined) === (slot === undefined))
    node.problem(
      token === undefined ? 'names no token' : 'names its token in two ways',
      'give exactly one of token and slot',
    );
  if (pinFile === undefined)
    node.at('pinFile').problem('is missing', 'name the file with the PIN of the user');
  if (module === undefined) node.at('module').problem('is missing', "name the vendor's shared library");
  const pin = readSecret(pinFile, node.at('pinFile'), 'trim', 'the PIN');
  if (module === undefined) return undefined;
  const modulePath = node.load.resolve(module);
  node.at('module').noteFaultOfPlace(() => moduleFault(modulePath));
  if (pin === undefined) return undefined;
  const maxMessageBytes = maxMessageBytesOf(input);
  const common = { name, maxMessageBytes, timeoutMilliseconds };
  return { kind: 'pkcs11', ...common, modulePath, environment, token, slot, pin };
}

function moduleFault(path: string): readonly [message: string, remedy: string] | undefined {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return undefined;
  return [`names ${path}, where no file is`, "name the vendor's shared library, such as libsofthsm2.so"];
}

function compileVault(
  name: string,
  input: KeySourceInput,
  node: ConfigurationNode,
): VaultSettings | undefined {
  const { mount = 'transit', namespace, timeoutMilliseconds } = input;
  const url = vaultUrl(input.url, node);
  const authority = readAuthority(input.caFile, node.at('caFile'));
  const auth = compileAuth(input.auth, node);
  if (url === undefined || auth === undefined) return undefined;
  const maxMessageBytes = maxMessageBytesOf(input);
  const common = { name, maxMessageBytes, timeoutMilliseconds };
  return { kind: 'vault', ...common, url: url.origin, authority, mount, namespace, auth };
}

function vaultUrl(text: string | undefined, node: ConfigurationNode): URL | undefined {
  if (text === undefined) {
    node.at('url').problem('is missing', 'say where the vault is: https://host:8200');
    return undefined;
  }
  const url = serverUrl(text, node.at('url'), 'https://vault.example:8200');
  if (url !== undefined && url.pathname !== '/')
    node
      .at('url')
      .problem(`${quoteText(text)} has a path`, 'give the server alone: mount has a member of its own');
  return url;
}

function compileAuth(
  input: KeySourceInput['auth'],
  node: ConfigurationNode,
): VaultSettings['auth'] | undefined {
  const { tokenFile, kubernetes } = input ?? {};
  if ((tokenFile === undefined) === (kubernetes === undefined)) {
    node
      .at('auth')
      .problem(
        tokenFile === undefined
          ? 'does not say how it is logged in to'
          : 'says in two ways how it is logged in to',
        'give auth: { tokenFile: … } or auth: { kubernetes: { role: … } }',
      );
    return undefined;
  }
  if (tokenFile !== undefined) {
    readSecret(tokenFile, node.at('auth', 'tokenFile'), 'trim', 'the token');
    return { kind: 'token', tokenPath: node.load.resolve(tokenFile) };
  }
  if (kubernetes === undefined) return undefined;
  const { mount, role, jwtFile } = kubernetes;
  return { kind: 'kubernetes', mount, role, jwtPath: node.load.resolve(jwtFile) };
}
