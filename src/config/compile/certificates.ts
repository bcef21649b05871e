/** Certificates that the file names: an identity's pins, and the bundles of a TLS door, judged as the one who will load them does. */
import { X509Certificate } from 'node:crypto';
import {
  certificateFingerprints,
  encodedCertificateBytes,
  endMs,
  kindOfKey,
  MAX_ENCODED_CERTIFICATE_BYTES,
  normalizeFingerprint,
  publicKeyOf,
  readCertificateBundle,
  type BundleFault,
  type CertificateBundle,
} from '../../crypto/certificate.js';
import type { CertificatePin } from '../../verify/snapshot.js';
import { quoteText } from '../../json/escape-text.js';
import type { CertificateInput } from '../schema/identity.js';
import { alwaysValid, type ConfigurationNode } from './context.js';

/** The usable pins of one identity; every fault of the others is noted. */
export function compilePins(inputs: readonly CertificateInput[], node: ConfigurationNode): CertificatePin[] {
  return inputs.map((input, index) => compilePin(input, node.at(index))).filter((pin) => pin !== undefined);
}

function compilePin(input: CertificateInput, node: ConfigurationNode): CertificatePin | undefined {
  const given = [input.sha256, input.spki, input.file].filter((value) => value !== undefined);
  if (given.length !== 1) {
    const message = given.length === 0 ? 'pins nothing' : 'pins several things at once';
    node.problem(message, 'give exactly one of sha256, spki and file');
    return undefined;
  }
  const pin = input.file === undefined ? pinFromHash(input, node) : pinFromFile(input, input.file, node);
  if (pin !== undefined) node.warnOfEnd(pin.notAfterMs, 'this certificate pin');
  return pin;
}

function pinFromHash(input: CertificateInput, node: ConfigurationNode): CertificatePin | undefined {
  if (input.as !== undefined)
    node.at('as').problem('has no effect without file', 'remove it, or use spki instead of sha256');
  const kind = input.spki === undefined ? 'certificate' : 'spki';
  const validity = node.validity(input);
  const sha256 = normalizeFingerprint(input.sha256 ?? input.spki ?? '');
  return sha256 === undefined ? undefined : { kind, sha256, ...validity };
}

function pinFromFile(
  input: CertificateInput,
  path: string,
  node: ConfigurationNode,
): CertificatePin | undefined {
  const file = node.at('file');
  const bytes = file.readCertificateFile(path);
  if (bytes === undefined) return undefined;
  const facts = certificateFingerprints(bytes);
  if (!facts.ok) {
    file.problem(...badCertificate(bytes.toString('latin1')));
    return undefined;
  }
  judgeUse(new X509Certificate(bytes), file);
  const kind = input.as ?? 'certificate';
  // The certificate counts up to and including its last second (RFC 5280, section 4.1.2.5).
  const own = { notBeforeMs: facts.notBefore, notAfterMs: facts.notAfter + 1000 };
  const validity = node.validity(input, kind === 'certificate' ? own : alwaysValid);
  return { kind, sha256: kind === 'certificate' ? facts.certificateSha256 : facts.spkiSha256, ...validity };
}

/** Whether the certificate can ever come through the listener. */
function judgeUse(certificate: X509Certificate, node: ConfigurationNode): void {
  const size = encodedCertificateBytes(certificate.toString());
  if (size > MAX_ENCODED_CERTIFICATE_BYTES)
    node.problem(
      `comes to ${size} bytes in a request, and no more than ${MAX_ENCODED_CERTIFICATE_BYTES} are read`,
      'issue a certificate with fewer names',
    );
  const { isKnownToListener } = node.load;
  if (isKnownToListener === undefined) return;
  const kind = kindOfKey(publicKeyOf(certificate));
  if (!CALLER_KEYS.has(kind))
    node.warn(
      `has a key of a kind (${quoteText(kind)}) that Envoy takes from no client: every handshake of its caller ends with "certificate required"; issue it for ECDSA on P-256 or P-384, or for RSA`,
    );
  if (!isKnownToListener(certificate))
    node.warn(
      `was not issued by a CA in envoy.tls.clientCaFile, but by ${quoteText(certificate.issuer.replaceAll('\n', ', '))}: Envoy refuses its caller, unless that sends an intermediate certificate along`,
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

/** The certificates of the PEM file that is named here, or undefined with the problem noted. Ends are warned of. */
export function readCertificates(
  file: string,
  node: ConfigurationNode,
): readonly X509Certificate[] | undefined {
  const bytes = node.readCertificateFile(file);
  if (bytes === undefined) return undefined;
  const bundle = readCertificateBundle(bytes);
  if ('code' in bundle) {
    node.problem(...bundleFaultTexts(bundle));
    return undefined;
  }
  warnOfBundle(bundle, node);
  return bundle.certificates;
}

/** As {@link readCertificates}, of those who issue; warns where nobody in the file can, so that no handshake would succeed. */
export function readAuthorities(
  file: string,
  node: ConfigurationNode,
): readonly X509Certificate[] | undefined {
  const certificates = readCertificates(file, node);
  // One that issued itself is its own authority, also where it does not say that it is one (X.509 v1).
  const isAuthority = (one: X509Certificate): boolean => one.ca || one.issuer === one.subject;
  if (certificates?.some(isAuthority) === false)
    node.warn(
      'holds no certificate of an authority: every handshake of a client ends; name the certificate of the CA that issues them',
    );
  return certificates;
}

function warnOfBundle({ certificates, otherLabels }: CertificateBundle, node: ConfigurationNode): void {
  if (otherLabels.some((label) => label.endsWith('PRIVATE KEY')))
    node.warn('holds a private key too; keep that in a file of its own, closed to others');
  certificates.forEach((certificate, index) => {
    const what = certificates.length === 1 ? 'this certificate' : `certificate ${index + 1} of this file`;
    node.warnOfEnd(endMs(certificate), what);
  });
}

function bundleFaultTexts(fault: BundleFault): [message: string, remedy: string] {
  switch (fault.code) {
    case 'der':
      return ['is in DER, and PEM is wanted', 'convert it: openssl x509 -inform DER -in FILE -out FILE.pem'];
    case 'no_certificate':
      return [
        'is not an X.509 certificate: it holds no certificate in PEM',
        'name a file of PEM certificates, with -----BEGIN CERTIFICATE----- in it',
      ];
    case 'not_a_certificate':
      return [
        `is not an X.509 certificate in the block of line ${fault.line}`,
        'copy that block again, whole, or remove it',
      ];
    case 'hidden':
      return [
        `has a certificate in line ${fault.line} that is passed over: its BEGIN shares the line with something else, which may be an invisible byte-order mark`,
        'let every -----BEGIN CERTIFICATE----- stand alone in its line',
      ];
    case 'unfinished':
      return [
        `is cut off: the block of line ${fault.line} has no END of its own, alone in a line`,
        'copy that block again, whole',
      ];
  }
}
