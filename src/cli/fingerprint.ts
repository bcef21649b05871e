/** `countersign fingerprint`: what to pin of a certificate. */
import { LeafCertificate } from '../crypto/authority.js';
import { certificateFingerprints, type CertificateFacts } from '../crypto/certificate.js';
import { splitPem } from '../crypto/pem.js';
import { escapeControls } from '../json/escape-text.js';
import { CliFault, type CliWorld, ExitCode, type Register, examples } from './command.js';
import { readPemFile, STANDARD_STREAM } from './files.js';
import { factLines, isoTime, jsonText } from './text.js';

const MAX_INPUT_BYTES = 4 * 1024 * 1024;

type Facts = Extract<CertificateFacts, { readonly ok: true }>;

interface NamedFacts extends Facts {
  /** The file, with `#2` and so on for the later certificates of a chain. */
  readonly source: string;
}

async function fingerprint(
  world: CliWorld,
  files: readonly string[],
  options: { json?: true },
): Promise<ExitCode> {
  const found: NamedFacts[] = [];
  for (const file of files) found.push(...(await factsOf(world, file)));
  world.out(
    options.json ? jsonText(found.map(toJson)) : found.map((facts) => toText(facts, world.nowMs())).join(''),
  );
  return ExitCode.good;
}

async function factsOf(world: CliWorld, file: string): Promise<NamedFacts[]> {
  const bytes =
    file === STANDARD_STREAM ? await world.readInput(MAX_INPUT_BYTES) : readPemFile(file, 'the certificate');
  return certificatesIn(bytes).map((certificate, index) => {
    const source = index === 0 ? file : `${file}#${index + 1}`;
    const facts = certificateFingerprints(certificate);
    if (facts.ok) return { ...facts, source };
    throw new CliFault(
      `${source} is no X.509 certificate`,
      'give a certificate, PEM or DER (no key, no request)',
    );
  });
}

/** A chain is taken apart, none of its blocks left out; everything else is the parser's to judge as it is. */
function certificatesIn(bytes: Uint8Array): (string | Uint8Array)[] {
  const parts = splitPem(Buffer.from(bytes).toString('latin1'));
  return 'code' in parts || parts.length < 2 ? [bytes] : parts.map(({ text }) => text);
}

function toJson(facts: NamedFacts): object {
  return {
    source: facts.source,
    certificate_sha256: facts.certificateSha256,
    spki_sha256: facts.spkiSha256,
    subject: facts.subject,
    not_before: isoTime(facts.notBefore),
    not_after: isoTime(facts.notAfter),
  };
}

/** For `certificateNames`; undefined where it bears none, and where they are malformed. */
function namesOf({ der }: Pick<Facts, 'der'>): Record<'uris' | 'dnsNames', string | undefined> {
  const { uris, dnsNames } = new LeafCertificate(der).facts;
  const joined = (names: readonly string[]): string | undefined =>
    names.length === 0 ? undefined : names.join(', ');
  return { uris: joined(uris), dnsNames: joined([...dnsNames]) };
}

function toText(facts: NamedFacts, nowMs: number): string {
  const { uris, dnsNames } = namesOf(facts);
  return `${escapeControls(facts.source)}\n${factLines([
    ['certificate SHA-256', facts.certificateSha256],
    ['SPKI SHA-256', facts.spkiSha256],
    ['subject', facts.subject === '' ? '(empty)' : facts.subject],
    ['URIs', uris],
    ['DNS names', dnsNames],
    ['valid', `${isoTime(facts.notBefore)} to ${isoTime(facts.notAfter)}${validityRemark(facts, nowMs)}`],
  ])}`;
}

function validityRemark({ notBefore, notAfter }: Facts, nowMs: number): string {
  if (nowMs < notBefore) return ' (NOT YET VALID)';
  return nowMs > notAfter ? ' (EXPIRED)' : '';
}

/** Adds the command. */
export const registerFingerprint: Register = (program, session) => {
  program
    .command('fingerprint')
    .description('print the SHA-256 of certificates and of their public keys, for pinning')
    .argument('<certificates...>', 'files, PEM (also chains) or DER; - is standard input')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('countersign fingerprint client.crt', 'countersign fingerprint --json certs/*.pem'),
    )
    .action(session.action(fingerprint));
};
