/**
 * The list of the keys that a schedule made for one signing domain, as it lies beside them. What the list says holds: a
 * key file that it does not name is none. It is public but for the directory that it is in.
 */
import { join } from 'node:path';
import { decodeBase64, encodeBase64 } from '../../crypto/bytes.js';
import type { ScheduledKey } from '../../feedback/rotation.js';
import { KID, UUID } from '../../protocol/syntax.js';

/** One key of the list. */
export interface ManifestKey extends ScheduledKey {
  /** 32 raw bytes. */
  readonly publicKey: Uint8Array;
}

/** The list. */
export interface Manifest {
  /** When it was written, Unix milliseconds: a clock that is behind this is wrong. */
  readonly writtenMs: number;
  /** In the order in which they were made. */
  readonly keys: readonly ManifestKey[];
}

/** The list, or what is wrong with it: a sentence without subject. */
export type ManifestResult =
  { readonly ok: true; readonly manifest: Manifest } | { readonly ok: false; readonly message: string };

/** Of a list of {@link MAX_KEYS} keys; a larger file is another one. */
export const MAX_MANIFEST_BYTES = 65_536;
/** There are three at most, unless somebody changes the schedule time and again. */
const MAX_KEYS = 64;
const VERSION = 1;

export const MANIFEST_NAME = 'manifest.json';

/** Where the keys of one domain are, below `keys.rotation.directory`. Throws for a tenant that is no UUID. */
export function domainDirectory(directory: string, tenant: string | undefined): string {
  if (tenant === undefined) return join(directory, 'default');
  if (!UUID.test(tenant)) throw new Error('a tenant that is no UUID has no directory');
  return join(directory, 'tenants', tenant);
}

/** The name of the file of a private key. */
export function keyFileName(kid: string): string {
  return `${kid}.key`;
}

/** Files that a schedule made, and nobody else. */
export const OWN_KEY_FILE = /^fb-[0-9]{8}-[0-9a-f]{16}\.key(?:\.new)?$/;

/** Reads the list. Never throws. */
export function parseManifest(text: string): ManifestResult {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return fault('is no JSON');
  }
  const { version, written, keys } = members(found);
  if (version !== VERSION) return fault(`is not of version ${VERSION}`);
  const writtenMs = momentOf(written);
  if (writtenMs === undefined) return fault('has no moment in "written"');
  if (!Array.isArray(keys) || keys.length > MAX_KEYS)
    return fault(`has no list of at most ${MAX_KEYS} "keys"`);
  const read: ManifestKey[] = [];
  for (const [index, one] of (keys as readonly unknown[]).entries()) {
    const key = parseKey(one);
    if (typeof key === 'string') return fault(`has in keys[${index}] ${key}`);
    if (read.some(({ kid }) => kid === key.kid)) return fault(`repeats in keys[${index}] the id ${key.kid}`);
    read.push(key);
  }
  return { ok: true, manifest: { writtenMs, keys: read } };
}

/** The key, or what its entry lacks. */
function parseKey(found: unknown): ManifestKey | string {
  const { kid, publicKey, notBefore, notAfter } = members(found);
  if (typeof kid !== 'string' || !KID.test(kid)) return 'no id';
  const raw = typeof publicKey === 'string' ? decodeBase64(publicKey) : undefined;
  if (raw?.length !== 32) return 'no public key of 32 bytes';
  const notBeforeMs = momentOf(notBefore);
  if (notBeforeMs === undefined) return 'no moment in "notBefore"';
  const notAfterMs = notAfter === undefined ? Number.POSITIVE_INFINITY : momentOf(notAfter);
  if (notAfterMs === undefined || notAfterMs <= notBeforeMs) return 'no later moment in "notAfter"';
  return { kid, publicKey: raw, notBeforeMs, notAfterMs };
}

/** Of anything that is no object: none. */
function members(found: unknown): Readonly<Record<string, unknown>> {
  return typeof found === 'object' && found !== null ? { ...found } : {};
}

const MOMENT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?Z$/;

function momentOf(found: unknown): number | undefined {
  if (typeof found !== 'string' || !MOMENT.test(found)) return undefined;
  const moment = Date.parse(found);
  return Number.isNaN(moment) ? undefined : moment;
}

function fault(message: string): ManifestResult {
  return { ok: false, message };
}

/** The text of the list. */
export function manifestText({ writtenMs, keys }: Manifest): string {
  const written = new Date(writtenMs).toISOString();
  return `${JSON.stringify({ version: VERSION, written, keys: keys.map(entryOf) }, undefined, 2)}\n`;
}

function entryOf({ kid, publicKey, notBeforeMs, notAfterMs }: ManifestKey): object {
  return {
    kid,
    publicKey: encodeBase64(publicKey),
    notBefore: new Date(notBeforeMs).toISOString(),
    ...(Number.isFinite(notAfterMs) ? { notAfter: new Date(notAfterMs).toISOString() } : {}),
  };
}
