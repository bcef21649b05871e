/** `countersign pki renew`: a certificate that `pki init` made, anew; with the pin of its identity before it, where a configuration is given. */
import { createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { Command } from 'commander';
import { newCertificateKeys } from '../pki/issue-certificate.js';
import { NotRenewable, renewCertificate, type KeyedCertificate } from '../pki/renew-certificate.js';
import { certificatePath, keyPath, replacePair, type PairPlace } from './certificate-pair.js';
import { CliFault, type CliWorld, ExitCode, type Session, examples, usageFault } from './command.js';
import { FILE_NAME, readPemFile, readPrivateFile } from './files.js';
import { collectingUrls, matching, wholeNumber } from './option-values.js';
import { throwExplained, BACKDATED_MILLISECONDS, MAX_LEAF_DAYS, type RenewOptions } from './pki-terms.js';
import { pinRenewed, type RenewedPins } from './pki-renew-pins.js';
import { isoTime, jsonText } from './text.js';
import { duration } from './time-value.js';

const DAY_MILLISECONDS = 86_400_000;
const AUTHORITY = 'ca';

async function renew(
  world: CliWorld,
  directory: string,
  name: string,
  options: RenewOptions,
): Promise<ExitCode> {
  judge(name, options);
  const place: PairPlace = { directory, name };
  const [authority, old] = [readPair({ directory, name: AUTHORITY }), readPair(place)];
  const nowMs = world.nowMs();
  const notAfterMs = nowMs + options.days * DAY_MILLISECONDS;
  refuseLonger(authority.certificate, notAfterMs);
  const keys = options.newKey ? newCertificateKeys() : undefined;
  const publicKey = keys?.publicKey ?? createPublicKey(old.privateKey);
  const certificate = await issued(authority, old, { place, publicKey, nowMs, notAfterMs });
  const renewed = { certificate, key: keys && pemOf(keys.privateKey) };
  const next = new X509Certificate(certificate);
  // The pin first: a producer that reads the new certificate is let in from its first moment.
  const renewal = { file: options.config ?? '', old: old.certificate, next };
  const pins = options.config === undefined ? undefined : await pinRenewed(world, renewal, options);
  if (options.config !== undefined && pins === undefined) return ExitCode.refused;
  const backup = options.dryRun ? undefined : replacePair(place, renewed);
  tell(world, { place, next, pins, backup, options });
  return ExitCode.good;
}

function judge(name: string, { config, overlap, admin, withoutVerifier }: RenewOptions): void {
  if (name === AUTHORITY)
    throw usageFault(
      'a CA is not renewed: everybody who trusts it has to learn of a new one',
      'make a new one in another directory (pki init), let Envoy and all clients trust both, and take the old one out at the end: docs/certificates.md#renewing-the-authority',
    );
  const others = [overlap, admin, withoutVerifier];
  if (config === undefined && others.some((value) => value !== undefined))
    throw usageFault('--overlap, --admin and --without-verifier are about pins', 'give --config FILE too');
  if (admin !== undefined && withoutVerifier)
    throw usageFault('--admin names a verifier', 'leave out --without-verifier');
}

/** What is told of a private key is what is wrong with it. */
function readPair(place: PairPlace): KeyedCertificate {
  const [crt, key] = [certificatePath(place), keyPath(place)];
  try {
    const certificate = new X509Certificate(readPemFile(crt, 'the certificate'));
    const bytes = readPrivateFile(key, 'the private key');
    const privateKey = createPrivateKey(bytes);
    bytes.fill(0);
    return { certificate, privateKey };
  } catch (error) {
    if (error instanceof CliFault) throw error;
    throw new CliFault(
      `${crt} and ${key} are no certificate and key in PEM`,
      'name a pair that pki init made',
    );
  }
}

function refuseLonger(authority: X509Certificate, notAfterMs: number): void {
  const endMs = Date.parse(authority.validTo);
  if (notAfterMs <= endMs) return;
  throw new CliFault(
    `the CA ends at ${isoTime(endMs)}, before the new certificate would`,
    'lower --days, or begin with a new CA: docs/certificates.md#renewing-the-authority',
    ExitCode.refused,
  );
}

async function issued(
  authority: KeyedCertificate,
  old: KeyedCertificate,
  {
    place,
    publicKey,
    nowMs,
    notAfterMs,
  }: {
    readonly place: PairPlace;
    readonly publicKey: KeyObject;
    readonly nowMs: number;
    readonly notAfterMs: number;
  },
): Promise<string> {
  const notBefore = new Date(nowMs - BACKDATED_MILLISECONDS);
  try {
    return await renewCertificate(authority, old, { publicKey, notBefore, notAfter: new Date(notAfterMs) });
  } catch (error) {
    if (!(error instanceof NotRenewable)) return throwExplained(error);
    throw new CliFault(
      `${certificatePath(place)} ${error.message}`,
      'renew it with the tool that made it; this renews what pki init made',
      ExitCode.refused,
    );
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function tell(
  world: CliWorld,
  {
    place,
    next,
    pins,
    backup,
    options,
  }: {
    readonly place: PairPlace;
    readonly next: X509Certificate;
    readonly pins: RenewedPins | undefined;
    readonly backup: string | undefined;
    readonly options: RenewOptions;
  },
): void {
  const sha256 = next.fingerprint256.replaceAll(':', '').toLowerCase();
  const until = isoTime(Date.parse(next.validTo));
  if (options.json) {
    const members = {
      certificate_file: certificatePath(place),
      private_key_file: keyPath(place),
      certificate_sha256: sha256,
      not_after: until,
      new_key: options.newKey ?? false,
      backup: backup ?? null,
    };
    world.out(
      jsonText({
        ok: true,
        dry_run: options.dryRun ?? false,
        ...members,
        ...(pins && { configuration: pins.members }),
      }),
    );
    return;
  }
  const what = options.newKey ? `${certificatePath(place)} and its key` : certificatePath(place);
  const lines = [
    ...(pins?.lines ?? []),
    options.dryRun
      ? `would renew ${what}, until ${until}`
      : `renewed ${what}, until ${until}; the one before: ${backup ?? ''}`,
    ...(pins === undefined && !options.dryRun
      ? [`SHA-256: ${sha256} (where it is pinned: countersign rotate-pin, or --config FILE here)`]
      : []),
  ];
  world.out(lines.map((line) => `${line}\n`).join(''));
}

/** Adds the command below `pki`. */
export function registerPkiRenew(pki: Command, session: Session): void {
  pki
    .command('renew')
    .description('renew a certificate that pki init made: same names, same CA; with --config its pin first')
    .argument('<directory>', 'where pki init made them')
    .argument('<name>', 'of the files: server, or the client', matching(FILE_NAME))
    .option('-d, --days <days>', 'how long it is valid', wholeNumber(1, MAX_LEAF_DAYS), 365)
    .option('--new-key', 'with a new key, too; both files change in one moment')
    .option('-c, --config <file>', 'pin it first, wherever the old one is pinned in this configuration')
    .option('--overlap <duration>', 'how long the old pin counts (default: 14d)', duration)
    .option(
      '--admin <url>',
      'a verifier that has to know the pin; may be repeated (default: admin of the configuration)',
      collectingUrls,
    )
    .option('--without-verifier', 'none runs with this configuration now')
    .option('-n, --dry-run', 'change nothing, and say what would be changed')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        'countersign pki renew certs server --new-key',
        'countersign pki renew certs producer-a --config countersign.yaml',
      ),
    )
    .action(session.action(renew));
}
