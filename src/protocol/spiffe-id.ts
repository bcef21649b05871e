/** SPIFFE IDs (SPIFFE-ID, section 2): who a workload is, as the URI SAN of an X.509-SVID says it. Compared byte for byte. */

/** SPIFFE-ID, section 2.3. */
const MAX_CHARACTERS = 2048;
const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)+)$/;

/** SPIFFE-ID, section 2.1: lower-case letters, digits, dots, hyphens and underscores. */
export const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;

/**
 * The trust domain of a workload's SPIFFE ID; undefined for what is none. A workload has a path (X509-SVID, section 2),
 * and a path has no empty segment, no `.` and no `..`. Nothing is decoded and nothing changes its case.
 */
export function trustDomainOf(id: string): string | undefined {
  const [, trustDomain, path = ''] = (id.length > MAX_CHARACTERS ? null : SPIFFE_ID.exec(id)) ?? [];
  const hasDots = path.split('/').some((segment) => segment === '.' || segment === '..');
  return hasDots ? undefined : trustDomain;
}
