/** What every TLS connection that we begin asks for itself (docs/security-requirements.md#45). */
import { constants, X509Certificate } from 'node:crypto';

/**
 * Said in full, as what is left out is decided around the process: by `NODE_TLS_REJECT_UNAUTHORIZED=0`, or by
 * `--tls-min-v1.0`, `--tls-max-v1.2` and `--tls-cipher-list` in `NODE_OPTIONS`.
 */
const TLS_CLIENT = {
  rejectUnauthorized: true,
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  /** Node's own default, as it was built. */
  ciphers: constants.defaultCoreCipherList,
} as const;

/** Options of a TLS connection that believes these authorities and no other, whatever the environment says. */
export interface TrustingOptions {
  readonly ca: string | string[];
  readonly rejectUnauthorized: true;
  readonly minVersion: 'TLSv1.2';
  readonly maxVersion: 'TLSv1.3';
  readonly ciphers: string;
}

/**
 * The options for authorities in PEM. Throws OpenSSL's error when one of the texts holds no certificate: Node takes
 * an empty `ca` for none, and believes the system's.
 */
export function trusting(authorities: string | readonly string[]): TrustingOptions {
  const texts = typeof authorities === 'string' ? [authorities] : [...authorities];
  for (const text of texts) new X509Certificate(text);
  return { ...TLS_CLIENT, ca: texts };
}
