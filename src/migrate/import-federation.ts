/** The part of an environment that says who may call and for whom. */
import { normalizeFingerprint } from '../crypto/certificate.js';
import { describeKeyFault, parsePublicKey } from '../crypto/public-key.js';
import { quoteText } from '../json/escape-text.js';
import type { CarriedName, ImportContext } from './import-context.js';
import { operatorId, schemaVersion, tenantId } from '../config/schema/schema-common.js';
import { identityName } from '../config/schema/identity.js';

/** What was read; unusable when the context has problems. */
export interface ImportedFederation {
  /** Identity to fingerprint, 64 lower-case hex digits. */
  readonly identities: ReadonlyMap<string, string>;
  /** Operator to tenant. */
  readonly operators: ReadonlyMap<string, string>;
  /** Base64 of the 32 bytes. */
  readonly requestKey: string;
  /** The same for bundles; equal to `requestKey` where the gateway falls back to it. */
  readonly bundleKey: string;
  /** Absent: any. */
  readonly schemaVersions: readonly string[] | undefined;
}

/** Reads identities, operators, keys and schema versions. */
export function readFederation(context: ImportContext): ImportedFederation {
  const identities = readIdentities(context);
  const operators = readOperators(context);
  const requestKey = readKey('VV_TG_SPECTRASTRIKE_ED25519_PUBKEY', context);
  if (requestKey === undefined && !context.has('VV_TG_SPECTRASTRIKE_ED25519_PUBKEY'))
    missing(
      'VV_TG_SPECTRASTRIKE_ED25519_PUBKEY',
      'the public key that every request is verified with',
      context,
    );
  if (identities.size > 1)
    context.note(
      'VV_TG_SPECTRASTRIKE_ED25519_PUBKEY',
      'is one key for all identities, and so every identity gets it; give each a key of its own as soon as you can',
    );
  const bundleKey = readKey('VV_FEDERATION_SPECTRASTRIKE_ED25519_PUBKEY', context) ?? requestKey;
  const schemaVersions = readSchemaVersions(context);
  return { identities, operators, requestKey: requestKey ?? '', bundleKey: bundleKey ?? '', schemaVersions };
}

function missing(name: CarriedName, what: string, context: ImportContext): void {
  context.problem(name, 'is not set', `set it: ${what}`);
}

function readIdentities(context: ImportContext): ReadonlyMap<string, string> {
  const name = 'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON';
  const identities = new Map<string, string>();
  const what = 'identity to certificate fingerprint';
  const entries = context.textMap(name, what);
  if (!context.has(name) || entries?.size === 0) missing(name, what, context);
  for (const [identity, text] of entries ?? []) {
    const fingerprint = normalizeFingerprint(text);
    if (!identityName.safeParse(identity).success)
      context.problem(
        name,
        `has an identity that is no name here: ${quoteText(identity)}`,
        'rename it to [A-Za-z0-9][A-Za-z0-9._:/@-]{0,127}',
      );
    else if (fingerprint === undefined)
      context.problem(
        name,
        `has no SHA-256 for ${quoteText(identity)}`,
        'give 64 hex digits; `countersign fingerprint CERT` prints them',
      );
    else identities.set(identity, fingerprint);
  }
  return identities;
}

function readOperators(context: ImportContext): ReadonlyMap<string, string> {
  const name = 'VV_TG_OPERATOR_TENANT_MAP';
  const what = 'operator to tenant UUID';
  const entries = context.textMap(name, what);
  if (!context.has(name) || entries?.size === 0) missing(name, what, context);
  for (const [operator, tenant] of entries ?? []) {
    if (!operatorId.safeParse(operator).success)
      context.problem(
        name,
        `has an operator that cannot be a header value: ${quoteText(operator)}`,
        'rename it to 1 to 128 printable ASCII characters',
      );
    if (!tenantId.safeParse(tenant).success)
      context.problem(name, `has no tenant UUID for ${quoteText(operator)}`, 'give a UUID in text form');
  }
  return entries ?? new Map();
}

function readKey(name: CarriedName, context: ImportContext): string | undefined {
  const text = context.value(name);
  if (text === undefined) {
    if (context.has(name))
      context.problem(name, 'is blank', 'set it to base64 of the 32 bytes, or remove the line');
    return undefined;
  }
  const result = parsePublicKey(text);
  if (result.ok) return Buffer.from(result.key.raw).toString('base64');
  context.problem(
    name,
    describeKeyFault(result.fault),
    'set it to base64 of the 32 bytes of the Ed25519 public key',
  );
  return undefined;
}

function readSchemaVersions(context: ImportContext): readonly string[] | undefined {
  const plural = 'VV_TG_ALLOWED_SCHEMA_VERSIONS';
  const name = context.value(plural) === undefined ? 'VV_TG_ALLOWED_SCHEMA_VERSION' : plural;
  const versions = splitVersions(context.value(name) ?? '');
  if (name === plural && context.has('VV_TG_ALLOWED_SCHEMA_VERSION'))
    context.note('VV_TG_ALLOWED_SCHEMA_VERSION', `gives way to ${plural}`);
  if (isBlank('VV_TG_ENFORCE_SCHEMA_VERSION', context))
    context.problem(
      'VV_TG_ENFORCE_SCHEMA_VERSION',
      'is blank, which is off',
      'set it to 1 or 0, or remove the line',
    );
  if (!context.isOn('VV_TG_ENFORCE_SCHEMA_VERSION', true)) {
    context.note('VV_TG_ENFORCE_SCHEMA_VERSION', 'is off, so telemetry of any schema version is taken');
    return undefined;
  }
  if (versions === undefined || versions.some((version) => !schemaVersion.safeParse(version).success))
    context.problem(
      name,
      'is no list of schema versions of 1 to 32 characters',
      'write 1.0,1.1 or ["1.0","1.1"]',
    );
  if (versions?.length === 0)
    context.problem(
      plural,
      'is not set, so every telemetry event would be refused',
      'list the schema versions, or set VV_TG_ENFORCE_SCHEMA_VERSION=0 to take any',
    );
  return versions;
}

function isBlank(name: CarriedName, context: ImportContext): boolean {
  return context.has(name) && context.value(name) === undefined;
}

/** What a version in a CSV may be: separators of other lists, white space and quotes are no part of one. */
const plainVersion = /^[A-Za-z0-9][A-Za-z0-9._:+/-]*$/;

/** CSV or a JSON array; undefined when it is neither. */
function splitVersions(text: string): string[] | undefined {
  if (!text.trimStart().startsWith('[')) {
    const words = text.split(',').map((word) => word.trim());
    const versions = words.filter((word) => word !== '');
    return versions.every((version) => plainVersion.test(version)) ? [...new Set(versions)] : undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((entry) => typeof entry === 'string')
      ? [...new Set(value)]
      : undefined;
  } catch {
    return undefined;
  }
}
