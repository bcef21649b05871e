/** The pins of a certificate that is renewed: the new one is pinned wherever the old one is, and every verifier knows it before the certificate is there. */
import { createHash, type X509Certificate } from 'node:crypto';
import type { YamlEdit } from '../config/edit/edit-yaml.js';
import type { Configuration } from '../config/settings.js';
import { fetchPage } from '../observability/admin-client.js';
import type { CertificatePin } from '../verify/snapshot.js';
import { CliFault, type CliWorld, ExitCode } from './command.js';
import { commitEdits, openConfiguration, type OpenConfiguration } from './edit-configuration.js';
import type { RenewOptions } from './pki-terms.js';
import { endedLines, endedMembers, identityNamed } from './rotate-identity.js';
import { PIN_OVERLAP_MILLISECONDS, pinEdits, pinOf, type NewPin } from './rotate-pin.js';
import { isoTime } from './text.js';

/** What was pinned, told in lines and for scripts. */
export interface RenewedPins {
  readonly lines: readonly string[];
  readonly members: Readonly<Record<string, unknown>>;
}

/** Long enough for a configuration of any size. */
const RELOAD_MILLISECONDS = 300_000;
const KNOCK_MILLISECONDS = 2_000;

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
  const { names, edits, lines, ended } = editsOf(open, renewal, world.nowMs(), options.overlap);
  if (edits.length === 0)
    return {
      lines: [`${names.join(', ')}: the public key is pinned, and stays`],
      members: { file: open.file, identities: names, diff: '' },
    };
  const admins = options.withoutVerifier ? [] : (options.admin ?? [adminOf(open.configuration)]);
  if (!options.dryRun) for (const admin of admins) await knock(admin);
  const edited = await commitEdits(world, open, edits, options);
  if (edited === undefined) return undefined;
  if (!options.dryRun) for (const admin of admins) await reload(admin);
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
    const files = fileEntries(open, placed.at);
    changes.edits = [...changes.edits, ...keepFiles(edits, files, { old, endMs: nowMs + overlapMs })];
    const over = ended.filter(({ index }) => !files.includes(index));
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
  const sha256 = old.fingerprint256.replaceAll(':', '').toLowerCase();
  const hashes = { certificate: sha256, spki: spkiOf(old) };
  const live = pins.filter((pin) => nowMs < pin.notAfterMs && hashes[pin.kind] === pin.sha256);
  return new Set(live.map(({ kind }) => kind));
}

function spkiOf({ publicKey }: X509Certificate): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

/** The places of pins that are files: they change by themselves when the file does. */
function fileEntries({ data }: OpenConfiguration, at: readonly (string | number)[]): readonly number[] {
  const { identities } = data as {
    readonly identities: readonly { readonly certificates?: readonly { readonly file?: string }[] }[];
  };
  const entries = identities[Number(at[1])]?.certificates ?? [];
  return entries.flatMap(({ file }, index) => (file === undefined ? [] : [index]));
}

/** A pin by file goes on, with what is in the file then; the old certificate is pinned by its hash until the overlap is over. */
function keepFiles(
  edits: readonly YamlEdit[],
  files: readonly number[],
  { old, endMs }: { readonly old: X509Certificate; readonly endMs: number },
): readonly YamlEdit[] {
  if (files.length === 0) return edits;
  const sha256 = old.fingerprint256.replaceAll(':', '').toLowerCase();
  const kept = [
    ['sha256', sha256],
    ['notAfter', isoTime(Math.ceil(endMs / 1_000) * 1_000)],
  ] as const;
  return edits
    .filter((edit) => edit.kind !== 'set' || !files.includes(Number(edit.at.at(-1))))
    .map((edit) => (edit.kind === 'append' ? { ...edit, items: [...edit.items, kept] } : edit));
}

function adminOf({ settings }: Configuration): URL {
  const { host, port } = settings.admin;
  return new URL(`http://${host.includes(':') ? `[${host}]` : host}:${port}`);
}

/** Before anything is changed. */
async function knock(admin: URL): Promise<void> {
  await ask('GET', new URL('/livez', admin), KNOCK_MILLISECONDS, 'nothing has changed');
}

async function reload(admin: URL): Promise<void> {
  const kept = 'the pin is in the configuration, and the old certificate is in its place';
  await ask('POST', new URL('/reload', admin), RELOAD_MILLISECONDS, kept);
}

async function ask(method: 'GET' | 'POST', url: URL, milliseconds: number, state: string): Promise<void> {
  const remedy = `${state}; see what it says (/status, its log), name verifiers by --admin, or, where none runs with this configuration, give --without-verifier`;
  const page = await fetchPage(method, url, milliseconds).catch((error: unknown) => {
    throw new CliFault(`${url.href}: ${error instanceof Error ? error.message : String(error)}`, remedy);
  });
  if (page.status !== 200)
    throw new CliFault(`${url.href} answered ${page.status}`, remedy, ExitCode.refused);
}
