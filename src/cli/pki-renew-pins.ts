/** The pins of a certificate that is renewed: the new one is pinned wherever the old one is, and every verifier knows it before the certificate is there. */
import { createHash, type X509Certificate } from 'node:crypto';
import type { YamlEdit } from '../config/edit/edit-yaml.js';
import type { Configuration } from '../config/settings.js';
import { fetchPage, type AdminPage } from '../observability/admin-client.js';
import type { CertificatePin } from '../verify/snapshot.js';
import { CliFault, type CliWorld, ExitCode } from './command.js';
import { commitEdits, openConfiguration, type OpenConfiguration } from './edit-configuration.js';
import type { RenewOptions } from './pki-terms.js';
import { endedLines, endedMembers, identityNamed, type PlacedIdentity } from './rotate-identity.js';
import { PIN_OVERLAP_MILLISECONDS, pinEdits, pinOf, type NewPin } from './rotate-pin.js';
import { isoTime } from './text.js';

/** What was pinned, told in lines and for scripts. */
export interface RenewedPins {
  readonly lines: readonly string[];
  readonly members: Readonly<Record<string, unknown>>;
}

/** Long enough for a configuration of any size. */
const RELOAD_MILLISECONDS = 300_000;
const PAGE_MILLISECONDS = 10_000;

interface Renewal {
  readonly file: string;
  readonly old: X509Certificate;
  readonly next: X509Certificate;
}

/** Undefined where the loader does not take the configuration. Throws where the old one is pinned nowhere, or a verifier refuses. */
export async function pinRenewed(
  world: CliWorld,
  renewal: Renewal,
  options: RenewOptions,
): Promise<RenewedPins | undefined> {
  const open = await openConfiguration(world, renewal.file, options);
  if (open === undefined) return undefined;
  const { names, edits, lines, ended, hashes } = editsOf(open, renewal, world.nowMs(), options.overlap);
  if (edits.length === 0)
    return {
      lines: [`${names.join(', ')}: the public key is pinned, and stays`],
      members: { file: open.file, identities: names, diff: '' },
    };
  const admins = options.withoutVerifier ? [] : (options.admin ?? [adminOf(open.configuration)]);
  if (!options.dryRun) for (const admin of admins) await demandPin(admin, hashes.old, 'nothing has changed');
  const edited = await commitEdits(world, open, edits, options);
  if (edited === undefined) return undefined;
  if (!options.dryRun) for (const admin of admins) await reload(admin, hashes.next);
  return {
    lines: [...(options.dryRun ? [edited.diff.trimEnd()] : []), ...lines],
    members: { file: open.file, identities: names, ended, diff: edited.diff },
  };
}

/** Told of every identity that has the old one pinned. */
interface PinChanges {
  readonly names: readonly string[];
  readonly edits: readonly YamlEdit[];
  readonly lines: readonly string[];
  readonly ended: readonly object[];
  /** What a verifier that follows this configuration has pinned before and after. */
  readonly hashes: { readonly old: string; readonly next: string };
}

function editsOf(
  open: OpenConfiguration,
  { old, next }: Renewal,
  nowMs: number,
  overlapMs = PIN_OVERLAP_MILLISECONDS,
): PinChanges {
  const changes: { -readonly [Key in keyof PinChanges]: PinChanges[Key] } = {
    names: [],
    edits: [],
    lines: [],
    ended: [],
    hashes: { old: '', next: '' },
  };
  const spki = [old, next].map(spkiOf);
  const pin = pinOf(next.raw, 'the new certificate', nowMs);
  for (const { name, pins } of open.configuration.snapshot.identities.values()) {
    const kinds = kindsOf(pins, { old, nowMs });
    if (kinds.size === 0) continue;
    changes.names = [...changes.names, name];
    const placed = identityNamed(open, name);
    if (kinds.has('spki') && spki[0] === spki[1]) continue;
    const wanted: NewPin = kinds.has('certificate')
      ? pin
      : { ...pin, kind: 'spki', sha256: spki[1] ?? '', notBeforeMs: -Infinity, notAfterMs: Infinity };
    const { edits, ended } = pinEdits(placed, wanted, nowMs, overlapMs);
    changes.hashes = {
      old: kinds.has('certificate') ? hashOf(old) : (spki[0] ?? ''),
      next: wanted.sha256,
    };
    const entries = entriesOf(open, placed, { old, nowMs });
    changes.edits = [...changes.edits, ...keepOthers(edits, entries, { old, endMs: nowMs + overlapMs })];
    const over = ended.filter(({ index }) => entries[index] === 'old');
    changes.lines = [...changes.lines, `${name}: ${wanted.sha256} is pinned`, ...endedLines(over)];
    changes.ended = [...changes.ended, ...endedMembers(over)];
  }
  if (changes.names.length > 0) return changes;
  throw new CliFault(
    `${open.file} pins the old certificate for no identity`,
    'leave out --config, or name the configuration that pins it',
    ExitCode.refused,
  );
}

function kindsOf(
  pins: readonly CertificatePin[],
  { old, nowMs }: { readonly old: X509Certificate; readonly nowMs: number },
): ReadonlySet<CertificatePin['kind']> {
  const live = pins.filter((pin) => nowMs < pin.notAfterMs && isPinOf(old, pin));
  return new Set(live.map(({ kind }) => kind));
}

function isPinOf(certificate: X509Certificate, { kind, sha256 }: CertificatePin): boolean {
  return sha256 === (kind === 'spki' ? spkiOf(certificate) : hashOf(certificate));
}

function hashOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}

function spkiOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** What each pin of an identity is: of the old certificate, by hash or by its file, or one that stays: of another one, or ended. */
type Entry = 'old' | 'old_file' | 'other';

function entriesOf(
  { data }: OpenConfiguration,
  { identity, at }: PlacedIdentity,
  { old, nowMs }: { readonly old: X509Certificate; readonly nowMs: number },
): readonly Entry[] {
  const { identities } = data as {
    readonly identities: readonly { readonly certificates?: readonly { readonly file?: string }[] }[];
  };
  const entries = identities[Number(at[1])]?.certificates ?? [];
  return identity.pins.map((pin, index) => {
    if (!isPinOf(old, pin) || pin.notAfterMs <= nowMs) return 'other';
    return entries[index]?.file === undefined ? 'old' : 'old_file';
  });
}

/**
 * A pin by file goes on, with what is in the file then; the old certificate is pinned by its hash until the overlap is over.
 * Another instance of the identity may show what else is pinned.
 */
function keepOthers(
  edits: readonly YamlEdit[],
  entries: readonly Entry[],
  { old, endMs }: { readonly old: X509Certificate; readonly endMs: number },
): readonly YamlEdit[] {
  const kept = [
    ['sha256', hashOf(old)],
    ['notAfter', isoTime(Math.ceil(endMs / 1_000) * 1_000)],
  ] as const;
  const isByFileAlone = entries.includes('old_file') && !entries.includes('old');
  return edits
    .filter((edit) => edit.kind !== 'set' || entries[Number(edit.at.at(-1))] === 'old')
    .map((edit) =>
      edit.kind === 'append' && isByFileAlone ? { ...edit, items: [...edit.items, kept] } : edit,
    );
}

function adminOf({ settings }: Configuration): URL {
  const { host, port } = settings.admin;
  return new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
}

async function reload(admin: URL, sha256: string): Promise<void> {
  const kept = 'the pin is in the configuration, and the old certificate is in its place';
  await ask('POST', new URL('/reload', admin), RELOAD_MILLISECONDS, kept);
  await demandPin(admin, sha256, kept);
}

/** Another verifier than that of this configuration may answer there, and take its own configuration anew. */
async function demandPin(admin: URL, sha256: string, state: string): Promise<void> {
  const url = new URL(`/page/identities.json?find=${sha256}`, admin);
  const page = await ask('GET', url, PAGE_MILLISECONDS, state);
  if (matchingOf(page) > 0) return;
  throw new CliFault(
    `the verifier at ${admin.href} does not know the pin ${sha256}: it runs with another configuration`,
    remedyOf(state),
    ExitCode.refused,
  );
}

function matchingOf({ body }: AdminPage): number {
  try {
    const { matching } = JSON.parse(body) as { readonly matching?: unknown };
    return Number(matching);
  } catch {
    return 0;
  }
}

function remedyOf(state: string): string {
  return `${state}; see what it says (/status, its log), name verifiers by --admin, or, where none runs with this configuration, give --without-verifier`;
}

async function ask(
  method: 'GET' | 'POST',
  url: URL,
  milliseconds: number,
  state: string,
): Promise<AdminPage> {
  const remedy = remedyOf(state);
  const page = await fetchPage(method, url, milliseconds).catch((error: unknown) => {
    throw new CliFault(`${url.href}: ${error instanceof Error ? error.message : String(error)}`, remedy);
  });
  if (page.status !== 200)
    throw new CliFault(`${url.href} answered ${page.status}`, remedy, ExitCode.refused);
  return page;
}
