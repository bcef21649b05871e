/** The producers' certificates and keys, read in and ready to send with. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fingerprintOf } from './certificates.js';
import type { EnvironmentName, FederationEnvironment } from './environment.js';
import type { Credentials } from './producer.js';

/** Everyone who may try to send. */
export interface FederationCredentials {
  /** PEM of the CA. */
  readonly authority: string;
  readonly producerA: Credentials;
  readonly producerB: Credentials;
  /** Producer A's name and key over the certificate that is pinned to nobody. */
  readonly unpinned: Credentials;
}

interface Names {
  readonly identity: EnvironmentName;
  readonly certificate: EnvironmentName;
  readonly certificateKey: EnvironmentName;
  readonly signingKey: EnvironmentName;
}

const PRODUCER_A_NAMES: Names = {
  identity: 'COUNTERSIGN_SERVICE_IDENTITY',
  certificate: 'COUNTERSIGN_CLIENT_CERT_FILE',
  certificateKey: 'COUNTERSIGN_CLIENT_KEY_FILE',
  signingKey: 'COUNTERSIGN_SIGNING_KEY_FILE',
};
const PRODUCER_B_NAMES: Names = {
  identity: 'COUNTERSIGN_OTHER_SERVICE_IDENTITY',
  certificate: 'COUNTERSIGN_OTHER_CLIENT_CERT_FILE',
  certificateKey: 'COUNTERSIGN_OTHER_CLIENT_KEY_FILE',
  signingKey: 'COUNTERSIGN_OTHER_SIGNING_KEY_FILE',
};
const UNPINNED_NAMES: Names = {
  ...PRODUCER_A_NAMES,
  certificate: 'COUNTERSIGN_UNPINNED_CERT_FILE',
  certificateKey: 'COUNTERSIGN_UNPINNED_KEY_FILE',
};

/** Reads them from the files that the environment names, relative to `root`. Throws I/O faults. */
export function readCredentials(root: string, environment: FederationEnvironment): FederationCredentials {
  const text = (name: EnvironmentName): string => readFileSync(resolve(root, environment[name]), 'utf8');
  const credentials = (names: Names): Credentials => {
    const certificate = text(names.certificate);
    return {
      identity: environment[names.identity],
      certificate,
      certificateKey: text(names.certificateKey),
      certificateSha256: fingerprintOf(certificate),
      signingKey: createPrivateKey(text(names.signingKey)),
    };
  };
  return {
    authority: text('COUNTERSIGN_CA_FILE'),
    producerA: credentials(PRODUCER_A_NAMES),
    producerB: credentials(PRODUCER_B_NAMES),
    unpinned: credentials(UNPINNED_NAMES),
  };
}
