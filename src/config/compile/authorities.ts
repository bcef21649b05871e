/** Authorities: the CA certificates under which a certificate proves a name, judged before anything rests on them. */
import type { X509Certificate } from 'node:crypto';
import { CertificateAuthority, issuerFault } from '../../crypto/authority.js';
import { quoteText } from '../../json/escape-text.js';
import type { ConfigurationInput } from '../schema/schema.js';
import { readCertificates } from './certificates.js';
import type { ConfigurationNode, LoadContext } from './context.js';

/** A new leaf is held against each of them once, and a signature takes a tenth of a millisecond. */
const MAX_CERTIFICATES = 64;
/** Every one of them is read anew by each load. */
const MAX_AUTHORITIES = 100;

/** All authorities by name; faults are noted. */
export function compileAuthorities(
  input: ConfigurationInput,
  load: LoadContext,
): Map<string, CertificateAuthority> {
  const authorities = new Map<string, CertificateAuthority>();
  const entries = Object.entries(input.authorities);
  if (entries.length > MAX_AUTHORITIES)
    load
      .at('authorities')
      .problem(`has more than ${MAX_AUTHORITIES} entries`, 'put the certificates of several into one file');
  for (const [name, { file, trustDomain }] of entries.slice(0, MAX_AUTHORITIES)) {
    const node = load.at('authorities', name, 'file');
    const certificates = readCertificates(file, node) ?? [];
    judgeIssuers(certificates, node);
    authorities.set(name, new CertificateAuthority(name, trustDomain, certificates));
  }
  return authorities;
}

function judgeIssuers(certificates: readonly X509Certificate[], node: ConfigurationNode): void {
  if (certificates.length > MAX_CERTIFICATES)
    node.problem(
      `holds more than ${MAX_CERTIFICATES} certificates`,
      'keep those that issue the certificates of identities',
    );
  certificates.slice(0, MAX_CERTIFICATES).forEach((certificate, index) => {
    const fault = issuerFault(certificate);
    const subject = quoteText(certificate.subject.replaceAll('\n', ', '));
    if (fault !== undefined)
      node.problem(
        `holds as certificate ${index + 1} ${subject}, which ${fault}`,
        'keep only certificates of CAs in it, those that issue the certificates of identities',
      );
    else if (node.load.isKnownToListener?.(certificate) === false)
      node.warn(
        `holds as certificate ${index + 1} ${subject}, which no CA in envoy.tls.clientCaFile is or issued: Envoy refuses its callers, unless they send the certificates between along`,
      );
  });
}
