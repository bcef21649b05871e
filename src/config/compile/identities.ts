/** Identities: compiled one by one, then looked at together. */
import type { CertificateAuthority } from '../../crypto/authority.js';
import { normalizeFingerprint } from '../../crypto/certificate.js';
import type { Identity } from '../../verify/snapshot.js';
import { quoteText } from '../../json/escape-text.js';
import type { IdentityInput } from '../schema/identity.js';
import type { ConfigurationInput } from '../schema/schema.js';
import { NameCompiler } from './certificate-names.js';
import { compilePins } from './certificates.js';
import type { ConfigurationNode, LoadContext } from './context.js';
import { compileKeys } from './keys.js';

/** All identities by name; faults are noted. */
export function compileIdentities(
  input: ConfigurationInput,
  authorities: ReadonlyMap<string, CertificateAuthority>,
  load: LoadContext,
): Map<string, Identity> {
  const identities = new Map<string, Identity>();
  const operators = new Set(Object.keys(input.operators));
  const owners = new Map<string, string>();
  const names = new NameCompiler(input, authorities, load);
  input.identities.forEach((entry, index) => {
    const node = load.at('identities', index);
    if (identities.has(entry.name))
      node.at('name').problem(`repeats ${quoteText(entry.name)}`, 'merge the two entries into one');
    const identity = compileIdentity(entry, names, node);
    checkOperators(entry, operators, node);
    warnOfShared(identity, owners, node);
    identities.set(entry.name, identity);
  });
  names.warnOfWeak();
  if (identities.size === 0)
    load.at('identities').warn('there is no identity: every signed request will be refused');
  return identities;
}

function compileIdentity(entry: IdentityInput, names: NameCompiler, node: ConfigurationNode): Identity {
  const { name, revoked, operators, attestations } = entry;
  const pins = compilePins(entry.certificates, node.at('certificates'));
  const keys = compileKeys(entry.keys, node.at('keys'));
  if (!revoked) requireProof(entry, node);
  if (
    !revoked &&
    keys.length > 0 &&
    entry.keySets.length === 0 &&
    keys.every((key) => key.notAfterMs <= node.load.nowMs)
  )
    node.at('keys').warn(`every key of ${quoteText(name)} has expired`);
  return {
    name,
    revoked,
    pins,
    ...names.compile(entry, node),
    keys,
    operators: operators && new Set(operators),
    attestations: attestations && new Set(hashesOf(attestations)),
  };
}

function hashesOf(texts: readonly string[]): string[] {
  return texts.map(normalizeFingerprint).filter((hash) => hash !== undefined);
}

function requireProof(entry: IdentityInput, node: ConfigurationNode): void {
  if (entry.keys.length + entry.keySets.length === 0)
    node.at('keys').problem('has no key', 'add its Ed25519 public key, or say revoked: true');
  const { certificates, certificateNames, meshNames } = entry;
  if (certificates.length + certificateNames.length + meshNames.length === 0)
    node
      .at('certificates')
      .problem(
        'pins no certificate',
        'add its certificate (`countersign fingerprint CERT` prints the pin), or say revoked: true',
      );
}

function checkOperators(entry: IdentityInput, known: ReadonlySet<string>, node: ConfigurationNode): void {
  const operators = node.at('operators');
  if (entry.operators === undefined) {
    if (!entry.revoked) operators.warn(`${quoteText(entry.name)} may speak for every mapped operator`);
    return;
  }
  const seen = new Set<string>();
  entry.operators.forEach((operator, index) => {
    if (seen.has(operator))
      operators.at(index).problem(`repeats ${quoteText(operator)}`, 'name each operator once');
    seen.add(operator);
    if (!known.has(operator))
      operators
        .at(index)
        .problem(`${quoteText(operator)} is mapped to no tenant`, 'add it to operators, or remove it here');
  });
}

/** Warns of keys and certificates that two identities share: then each can pass for the other. */
function warnOfShared(identity: Identity, owners: Map<string, string>, node: ConfigurationNode): void {
  const { name } = identity;
  const claim = (secret: string, what: string, list: string): void => {
    const owner = owners.get(secret) ?? name;
    owners.set(secret, owner);
    if (owner !== name) node.at(list).warn(`${quoteText(name)} has the same ${what} as ${quoteText(owner)}`);
  };
  for (const key of new Set(identity.keys.map(({ publicKey }) => publicKey.fingerprint)))
    claim(`key ${key}`, 'key', 'keys');
  for (const pin of new Set(identity.pins.map(({ kind, sha256 }) => `${kind} ${sha256}`)))
    claim(pin, 'certificate', 'certificates');
  for (const one of identity.certificateNames ?? [])
    claim(`${one.kind} ${one.authority} ${one.name}`, 'name', 'certificateNames');
  for (const one of identity.meshNames ?? []) claim(`mesh ${one.name}`, 'name', 'meshNames');
}
