/** Identities: compiled one by one, then looked at together. */
import { normalizeFingerprint } from '../../crypto/certificate.js';
import type { Identity } from '../../verify/snapshot.js';
import { quote, type ConfigurationPath } from '../document/findings.js';
import type { IdentityInput } from '../schema/identity.js';
import type { ConfigurationInput } from '../schema/schema.js';
import { compilePins } from './certificates.js';
import type { LoadContext } from './context.js';
import { compileKeys } from './keys.js';

/** All identities by name; faults are noted. */
export function compileIdentities(input: ConfigurationInput, context: LoadContext): Map<string, Identity> {
  const identities = new Map<string, Identity>();
  const operators = new Set(Object.keys(input.operators));
  const owners = new Map<string, string>();
  input.identities.forEach((entry, index) => {
    const path = ['identities', index];
    if (identities.has(entry.name))
      context.findings.problem(
        [...path, 'name'],
        `repeats ${quote(entry.name)}`,
        'merge the two entries into one',
      );
    const identity = compileIdentity(entry, path, context);
    checkOperators(entry, operators, path, context);
    warnOfShared(identity, owners, path, context);
    identities.set(entry.name, identity);
  });
  if (identities.size === 0)
    context.findings.warn(['identities'], 'there is no identity: every signed request will be refused');
  return identities;
}

function compileIdentity(entry: IdentityInput, path: ConfigurationPath, context: LoadContext): Identity {
  const pins = compilePins(entry.certificates, [...path, 'certificates'], context);
  const keys = compileKeys(entry.keys, [...path, 'keys'], context);
  if (!entry.revoked) requireProof(entry, path, context);
  if (!entry.revoked && keys.length > 0 && keys.every((key) => key.notAfterMs <= context.nowMs))
    context.findings.warn([...path, 'keys'], `every key of ${quote(entry.name)} has expired`);
  return {
    name: entry.name,
    revoked: entry.revoked,
    pins,
    keys,
    operators: entry.operators === undefined ? undefined : new Set(entry.operators),
    attestations: entry.attestations === undefined ? undefined : new Set(hashesOf(entry.attestations)),
  };
}

function hashesOf(texts: readonly string[]): string[] {
  return texts.map(normalizeFingerprint).filter((hash) => hash !== undefined);
}

function requireProof(entry: IdentityInput, path: ConfigurationPath, context: LoadContext): void {
  if (entry.keys.length === 0)
    context.findings.problem(
      [...path, 'keys'],
      'has no key',
      'add its Ed25519 public key, or say revoked: true',
    );
  if (entry.certificates.length === 0)
    context.findings.problem(
      [...path, 'certificates'],
      'pins no certificate',
      'add its certificate (`countersign fingerprint CERT` prints the pin), or say revoked: true',
    );
}

function checkOperators(
  entry: IdentityInput,
  known: ReadonlySet<string>,
  path: ConfigurationPath,
  context: LoadContext,
): void {
  if (entry.operators === undefined) {
    if (!entry.revoked)
      context.findings.warn(
        [...path, 'operators'],
        `${quote(entry.name)} may speak for every mapped operator`,
      );
    return;
  }
  const seen = new Set<string>();
  entry.operators.forEach((operator, index) => {
    const place = [...path, 'operators', index];
    if (seen.has(operator))
      context.findings.problem(place, `repeats ${quote(operator)}`, 'name each operator once');
    seen.add(operator);
    if (!known.has(operator))
      context.findings.problem(
        place,
        `${quote(operator)} is mapped to no tenant`,
        `add it to operators, or remove it here`,
      );
  });
}

/** Warns of keys and certificates that two identities share: then each can pass for the other. */
function warnOfShared(
  identity: Identity,
  owners: Map<string, string>,
  path: ConfigurationPath,
  context: LoadContext,
): void {
  const { name } = identity;
  const claim = (secret: string, what: string, list: string): void => {
    const owner = owners.get(secret) ?? name;
    owners.set(secret, owner);
    if (owner !== name)
      context.findings.warn([...path, list], `${quote(name)} has the same ${what} as ${quote(owner)}`);
  };
  for (const key of new Set(identity.keys.map(({ publicKey }) => publicKey.fingerprint)))
    claim(`key ${key}`, 'key', 'keys');
  for (const pin of new Set(identity.pins.map(({ kind, sha256 }) => `${kind} ${sha256}`)))
    claim(pin, 'certificate', 'certificates');
}
