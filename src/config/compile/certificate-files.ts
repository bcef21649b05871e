/** Certificate files of a TLS door: every block read, and judged as the one who will load them does. */
import type { X509Certificate } from 'node:crypto';
import {
  endMs,
  readCertificateBundle,
  type BundleFault,
  type CertificateBundle,
} from '../../crypto/certificate.js';
import type { ConfigurationPath } from '../document/findings.js';
import { warnOfEnd, type LoadContext } from './context.js';

/** The certificates of a PEM file, or undefined with the problem noted under `path`. Ends are warned of. */
export function readCertificates(
  file: string,
  path: ConfigurationPath,
  context: LoadContext,
): readonly X509Certificate[] | undefined {
  const bytes = context.readCertificateFile(file, path);
  if (bytes === undefined) return undefined;
  const bundle = readCertificateBundle(bytes);
  if ('code' in bundle) {
    const [message, remedy] = wordsOf(bundle);
    context.findings.problem(path, message, remedy);
    return undefined;
  }
  warnOf(bundle, path, context);
  return bundle.certificates;
}

function warnOf(
  { certificates, otherLabels }: CertificateBundle,
  path: ConfigurationPath,
  context: LoadContext,
): void {
  if (otherLabels.some((label) => label.endsWith('PRIVATE KEY')))
    context.findings.warn(path, 'holds a private key too; keep that in a file of its own, closed to others');
  certificates.forEach((certificate, index) => {
    const what = certificates.length === 1 ? 'this certificate' : `certificate ${index + 1} of this file`;
    warnOfEnd(endMs(certificate), what, path, context);
  });
}

function wordsOf(fault: BundleFault): [message: string, remedy: string] {
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
