/** The names in a client's certificate, for a listener that takes only some of those whom an authority has signed. */
import type { X509Certificate } from 'node:crypto';

/** As `X509Certificate.subjectAltName` writes a name: one that could be mistaken for several is in double quotes. */
const NAME = /^(?:DNS:([^"]+)|URI:([^"]+))$/;

/**
 * Whether one of the names of the certificate is one of `names` (DNS names in lower case, URIs with their `://`, as they are).
 * A name is only found as what it is: an authority may be strict about the one kind and sign anything as the other. A
 * wildcard is a name like any other, and the subject is none. A certificate with an odd name has none at all.
 */
export function hasClientName(
  certificate: Pick<X509Certificate, 'subjectAltName'>,
  names: readonly string[],
): boolean {
  const { subjectAltName } = certificate;
  if (subjectAltName === undefined || subjectAltName.includes('"')) return false;
  return subjectAltName.split(', ').some((entry) => {
    const [, dns, uri] = NAME.exec(entry) ?? [];
    const name = uri ?? dns?.toLowerCase() ?? '';
    return name.includes('://') === (uri !== undefined) && names.includes(name);
  });
}
