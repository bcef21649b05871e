/** `countersign rotate-pin`: pins a new certificate of an identity, and ends the old pins after an overlap. */
import { X509Certificate } from 'node:crypto';
import { resolve } from 'node:path';
import { LeafCertificate } from '../crypto/authority.js';
import { certificateFingerprints, normalizeFingerprint } from '../crypto/certificate.js';
import { IDENTITY } from '../protocol/syntax.js';
import type { ValidityInterval } from '../protocol/validity-interval.js';
import type { CertificatePin } from '../verify/snapshot.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples, usageFault } from './command.js';
import { addConfigurationFile, configurationAction } from './configuration.js';
import {
  commitEdits,
  openConfiguration,
  reportEdit,
  TAKEN_OVER,
  type EditFlags,
  type OpenConfiguration,
} from './edit-configuration.js';
import { readPemFile } from './files.js';
import { matching } from './option-values.js';
import { endedLines, endedMembers, identityNamed, succeed, type PlacedIdentity } from './rotate-identity.js';
import { isoTime } from './text.js';
import { duration } from './time-value.js';

interface RotatePinOptions extends EditFlags {
  readonly identity: string;
  readonly certificate?: string;
  readonly sha256?: string;
  readonly spki?: string;
  readonly overlap?: number;
}

/** How long the old pins count beside the new one. */
export const PIN_OVERLAP_MILLISECONDS = 14 * 86_400_000;

/** What is to be pinned. */
export interface NewPin extends ValidityInterval {
  readonly kind: CertificatePin['kind'];
  readonly sha256: string;
  /** What deserves a look, in sentences. */
  readonly notes: readonly string[];
}

async function rotatePin(world: CliWorld, file: string, options: RotatePinOptions): Promise<ExitCode> {
  const { identity: name, overlap = PIN_OVERLAP_MILLISECONDS } = options;
  const given = givenPin(options);
  const open = await openConfiguration(world, file, options);
  if (open === undefined) return ExitCode.refused;
  const placed = identityNamed(open, name);
  const pin = 'file' in given ? pinOfFile(given.file, open, placed, world.nowMs()) : given;
  const { edits, ended } = pinEdits(placed, pin, world.nowMs(), overlap);
  const edited = await commitEdits(world, open, edits, options);
  if (edited === undefined) return ExitCode.refused;
  const until = Number.isFinite(pin.notAfterMs) ? ` until ${isoTime(pin.notAfterMs)}` : '';
  reportEdit(world, open, edited, {
    ...options,
    lines: [
      `${pin.kind === 'spki' ? 'public key' : 'certificate'} ${pin.sha256} of ${name} counts from the next reload on${until}`,
      ...endedLines(ended),
      ...pin.notes.map((note) => `warning: ${note}`),
      ...(options.dryRun ? [] : [TAKEN_OVER]),
    ],
    members: {
      identity: name,
      [pin.kind === 'spki' ? 'spki' : 'sha256']: pin.sha256,
      ended: endedMembers(ended),
      notes: pin.notes,
    },
  });
  return ExitCode.good;
}

function givenPin({ certificate, sha256, spki }: RotatePinOptions): NewPin | { readonly file: string } {
  if ([certificate, sha256, spki].filter((value) => value !== undefined).length !== 1)
    throw usageFault('rotate-pin pins one thing', 'give one of --certificate, --sha256 and --spki');
  if (certificate !== undefined) return { file: certificate };
  const hash = normalizeFingerprint(sha256 ?? spki ?? '');
  if (hash === undefined)
    throw usageFault(
      'that is no SHA-256',
      'give 64 hex digits, colons allowed, as countersign fingerprint prints them',
    );
  const always = { notBeforeMs: Number.NEGATIVE_INFINITY, notAfterMs: Number.POSITIVE_INFINITY };
  return { kind: sha256 === undefined ? 'spki' : 'certificate', sha256: hash, ...always, notes: [] };
}

/** The pin of a certificate, as long as that is valid; throws for one that no client may show, or that is no certificate. */
export function pinOf(bytes: Uint8Array, what: string, nowMs: number): NewPin {
  const facts = certificateFingerprints(bytes);
  if (!facts.ok)
    throw new CliFault(
      `${what} is not one X.509 certificate`,
      "give the caller's own certificate alone, PEM or DER, without its chain or key",
      ExitCode.refused,
    );
  const leaf = new LeafCertificate(facts.der).facts;
  if (leaf.notAfterMs <= nowMs)
    throw new CliFault(
      `${what} ended at ${isoTime(leaf.notAfterMs)}`,
      'give one that is valid',
      ExitCode.refused,
    );
  const notes = leaf.unfit === undefined ? [] : [`${what}: ${leaf.unfit}; TLS may refuse its bearer`];
  const begins = nowMs < leaf.notBeforeMs ? leaf.notBeforeMs : Number.NEGATIVE_INFINITY;
  return {
    kind: 'certificate',
    sha256: facts.certificateSha256,
    notBeforeMs: begins,
    notAfterMs: leaf.notAfterMs,
    notes,
  };
}

function pinOfFile(file: string, open: OpenConfiguration, { at }: PlacedIdentity, nowMs: number): NewPin {
  const bytes = readPemFile(file, 'the certificate');
  const pin = pinOf(bytes, file, nowMs);
  return { ...pin, notes: [...pin.notes, ...nameNotes(bytes, file, open, at)] };
}

/** Where an old pin is a file that is here, the names of both certificates are compared. */
function nameNotes(
  bytes: Uint8Array,
  what: string,
  { data, configuration }: OpenConfiguration,
  at: PlacedIdentity['at'],
): string[] {
  const identities = (
    data as {
      readonly identities: readonly { readonly certificates?: readonly { readonly file?: string }[] }[];
    }
  ).identities;
  const files = identities[Number(at[1])]?.certificates?.flatMap(({ file }) => file ?? []) ?? [];
  const now = new X509Certificate(bytes);
  return files.flatMap((file) => {
    const old = new X509Certificate(
      readPemFile(resolve(configuration.file, '..', file), 'the pinned certificate'),
    );
    const isAlike = old.subject === now.subject && old.subjectAltName === now.subjectAltName;
    return isAlike ? [] : [`${what} does not bear the names of ${file}, which is pinned now`];
  });
}

/** The edits that pin it and end the other pins. */
export function pinEdits(
  placed: PlacedIdentity,
  pin: NewPin,
  nowMs: number,
  overlapMs: number,
): ReturnType<typeof succeed> {
  const { pins } = placed.identity;
  const isKnown = pins.some(
    ({ kind, sha256, notAfterMs }) => kind === pin.kind && sha256 === pin.sha256 && nowMs < notAfterMs,
  );
  if (isKnown)
    throw new CliFault(`${pin.sha256} is pinned already`, 'give the new certificate', ExitCode.refused);
  const earlier = pins.map((one) => ({ ...one, what: `pin ${one.sha256}` }));
  const item = [
    [pin.kind === 'spki' ? 'spki' : 'sha256', pin.sha256] as const,
    ...(Number.isFinite(pin.notBeforeMs) ? [['notBefore', isoTime(pin.notBeforeMs)] as const] : []),
    ...(Number.isFinite(pin.notAfterMs) ? [['notAfter', isoTime(pin.notAfterMs)] as const] : []),
  ];
  const { notBeforeMs, notAfterMs } = pin;
  return succeed(
    placed,
    { list: 'certificates', item, notBeforeMs, notAfterMs },
    { earlier, nowMs, overlapMs },
  );
}

/** Adds the command. */
export const registerRotatePin: Register = (program, session) => {
  const command = program
    .command('rotate-pin')
    .description('pin the next certificate of an identity, and end the pins before it after a while');
  addConfigurationFile(command)
    .requiredOption('--identity <name>', 'whose certificate it is', matching(IDENTITY))
    .option('--certificate <file>', 'the certificate, PEM or DER; the pin ends with it')
    .option('--sha256 <hash>', 'the SHA-256 of a certificate that is not here')
    .option('--spki <hash>', 'the SHA-256 of its public key, instead')
    .option('--overlap <duration>', 'how long the old pins count from now on (default: 14d)', duration)
    .option('-n, --dry-run', 'change nothing; print what would be changed as a unified diff')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign rotate-pin countersign.yaml --identity producer-a --certificate next.crt --dry-run',
        'countersign rotate-pin countersign.yaml --identity producer-a --certificate next.crt --overlap 3d',
      ),
    )
    .action(configurationAction(session, rotatePin));
};
