/** `countersign fingerprint`: what to pin of a certificate, of a public key, and of the keys of a JWK set. */
import { LeafCertificate } from '../crypto/authority.js';
import { certificateFingerprints, type CertificateFacts } from '../crypto/certificate.js';
import { writePublicJwk } from '../crypto/jwk.js';
import { describeKeyFault, jwkThumbprint, parsePublicKey } from '../crypto/public-key.js';
import { readKeySet } from '../keys/key-sets/read-key-set.js';
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
  const found: (NamedFacts | KeyFacts)[] = [];
  for (const file of files) found.push(...(await factsOf(world, file)));
  const texts = options.json
    ? jsonText(found.map((facts) => ('thumbprint' in facts ? keyToJson(facts) : toJson(facts))))
    : found
        .map((facts) => ('thumbprint' in facts ? keyToText(facts) : toText(facts, world.nowMs())))
        .join('');
  world.out(texts);
  return ExitCode.good;
}

/** A public key, alone or of a set. */
interface KeyFacts {
  readonly source: string;
  /** As its set names it. */
  readonly kid: string | undefined;
  readonly sha256: string;
  /** RFC 7638. */
  readonly thumbprint: string;
  /** Why it would not count, in words without a subject. */
  readonly fault: string | undefined;
}

/** Undefined for what is neither. */
function keysIn(bytes: Uint8Array, source: string): KeyFacts[] | undefined {
  const set = readKeySet(bytes);
  if (set.ok)
    return set.keys.map(({ kid, raw, thumbprint, fault }) => {
      const judged = parsePublicKey(writePublicJwk(raw));
      const sha256 = judged.ok ? judged.key.fingerprint : '';
      return { source, kid, sha256, thumbprint, fault: judged.ok ? fault : describeKeyFault(judged.fault) };
    });
  const one = parsePublicKey(bytes);
  if (!one.ok) return undefined;
  const { raw, fingerprint: sha256 } = one.key;
  return [{ source, kid: undefined, sha256, thumbprint: jwkThumbprint(raw), fault: undefined }];
}

function keyToJson({ source, kid, sha256, thumbprint, fault }: KeyFacts): object {
  return { source, kid, public_key_sha256: sha256, thumbprint, fault };
}

function keyToText({ source, kid, sha256, thumbprint, fault }: KeyFacts): string {
  return `${escapeControls(source)}\n${factLines([
    ['kid', kid],
    ['public key SHA-256', sha256],
    ['JWK thumbprint', thumbprint],
    ['does not count', fault && `it ${fault}`],
  ])}`;
}

async function factsOf(world: CliWorld, file: string): Promise<(NamedFacts | KeyFacts)[]> {
  const bytes =
    file === STANDARD_STREAM ? await world.readInput(MAX_INPUT_BYTES) : readPemFile(file, 'the certificate');
  const keys = keysIn(bytes, file);
  if (keys !== undefined) return keys;
  return certificatesIn(bytes).map((certificate, index) => {
    const source = index === 0 ? file : `${file}#${index + 1}`;
    const facts = certificateFingerprints(certificate);
    if (facts.ok) return { ...facts, source };
    throw new CliFault(
      `${source} is no X.509 certificate and no public key`,
      'give a certificate or a public key, PEM or DER, or a JWK set (no private key, no request)',
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
    .description(
      'print the SHA-256 of certificates and of their public keys, and the thumbprints of public keys and JWK sets, for pinning',
    )
    .argument(
      '<files...>',
      'certificates (PEM, also chains, or DER), public keys, JWK sets; - is standard input',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples('countersign fingerprint client.crt', 'countersign fingerprint --json certs/*.pem'),
    )
    .action(session.action(fingerprint));
};
