/** An identity's pinned certificates. */
import { X509Certificate } from 'node:crypto';
import {
  certificateFingerprints,
  encodedCertificateBytes,
  kindOfKey,
  MAX_ENCODED_CERTIFICATE_BYTES,
  normalizeFingerprint,
  publicKeyOf,
} from '../../crypto/certificate.js';
import type { CertificatePin } from '../../verify/snapshot.js';
import { quote, type ConfigurationPath } from '../document/findings.js';
import type { CertificateInput } from '../schema/identity.js';
import { alwaysValid, warnOfEnd, type LoadContext } from './context.js';

/** The usable pins of one identity; every fault of the others is noted under `path`. */
export function compilePins(
  inputs: readonly CertificateInput[],
  path: ConfigurationPath,
  context: LoadContext,
): CertificatePin[] {
  return inputs
    .map((input, index) => compilePin(input, [...path, index], context))
    .filter((pin) => pin !== undefined);
}

function compilePin(
  input: CertificateInput,
  path: ConfigurationPath,
  context: LoadContext,
): CertificatePin | undefined {
  const given = [input.sha256, input.spki, input.file].filter((value) => value !== undefined);
  if (given.length !== 1) {
    const message = given.length === 0 ? 'pins nothing' : 'pins several things at once';
    context.findings.problem(path, message, 'give exactly one of sha256, spki and file');
    return undefined;
  }
  if (input.file !== undefined) return pinFromFile(input, input.file, path, context);
  if (input.as !== undefined)
    context.findings.problem(
      [...path, 'as'],
      'has no effect without file',
      'remove it, or use spki instead of sha256',
    );
  const sha256 = normalizeFingerprint(input.sha256 ?? input.spki ?? '');
  const pin = {
    kind: input.spki === undefined ? 'certificate' : 'spki',
    ...context.validity(input, path),
  } as const;
  if (sha256 === undefined) return undefined;
  return withEnd({ ...pin, sha256 }, path, context);
}

function pinFromFile(
  input: CertificateInput,
  file: string,
  path: ConfigurationPath,
  context: LoadContext,
): CertificatePin | undefined {
  const bytes = context.readCertificateFile(file, [...path, 'file']);
  if (bytes === undefined) return undefined;
  const facts = certificateFingerprints(bytes);
  if (!facts.ok) {
    const [message, remedy] = badCertificate(bytes.toString('latin1'));
    context.findings.problem([...path, 'file'], message, remedy);
    return undefined;
  }
  judgeUse(bytes, [...path, 'file'], context);
  const kind = input.as ?? 'certificate';
  // The certificate counts up to and including its last second (RFC 5280, section 4.1.2.5).
  const own = { notBeforeMs: facts.notBefore, notAfterMs: facts.notAfter + 1000 };
  const validity = context.validity(input, path, kind === 'certificate' ? own : alwaysValid);
  const sha256 = kind === 'certificate' ? facts.certificateSha256 : facts.spkiSha256;
  return withEnd({ kind, sha256, ...validity }, path, context);
}

/** Whether the certificate can ever come through the listener. */
function judgeUse(bytes: Buffer, path: ConfigurationPath, context: LoadContext): void {
  const certificate = new X509Certificate(bytes);
  const size = encodedCertificateBytes(certificate.toString());
  if (size > MAX_ENCODED_CERTIFICATE_BYTES)
    context.findings.problem(
      path,
      `comes to ${size} bytes in a request, and no more than ${MAX_ENCODED_CERTIFICATE_BYTES} are read`,
      'issue a certificate with fewer names',
    );
  if (context.isKnownToListener === undefined) return;
  const kind = kindOfKey(publicKeyOf(certificate));
  if (!CALLER_KEYS.has(kind))
    context.findings.warn(
      path,
      `has a key of a kind (${quote(kind)}) that Envoy takes from no client: every handshake of its caller ends with "certificate required"; issue it for ECDSA on P-256 or P-384, or for RSA`,
    );
  if (!context.isKnownToListener(certificate))
    context.findings.warn(
      path,
      `was not issued by a CA in envoy.tls.clientCaFile, but by ${quote(certificate.issuer.replaceAll('\n', ', '))}: Envoy refuses its caller, unless that sends an intermediate certificate along`,
    );
}

/** BoringSSL asks clients for these alone, though a server may show Ed25519 and P-521 (seen on Envoy 1.36 and 1.40). */
const CALLER_KEYS: ReadonlySet<string> = new Set(['rsa', 'ec prime256v1', 'ec secp384r1']);

function badCertificate(text: string): [message: string, remedy: string] {
  if (text.includes('PRIVATE KEY-----'))
    return [
      'holds a private key',
      'keep the certificate alone in the file; the verifier never needs its private key',
    ];
  if ((text.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0) > 1)
    return ['holds several certificates', "keep the caller's own certificate alone, without its chain"];
  return ['is not an X.509 certificate', 'name a certificate in PEM or DER'];
}

function withEnd(pin: CertificatePin, path: ConfigurationPath, context: LoadContext): CertificatePin {
  warnOfEnd(pin.notAfterMs, 'this certificate pin', path, context);
  return pin;
}
