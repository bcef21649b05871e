/** What a site brings along: certificates, keys, and the ConfigMaps and Secrets that the manifests expect of it. */
import { mkdirSync, readFileSync } from 'node:fs';
import { ensureCertificates, type Certificates } from '../../../examples/local-federation/certificates.js';
import { layoutOf } from '../../../examples/local-federation/layout.js';
import { ensureSigningKeys, type SigningKeys } from '../../../examples/local-federation/signing-keys.js';
import type { Objects } from './volumes.js';

export interface Site {
  readonly certificates: Certificates;
  readonly keys: SigningKeys;
  readonly objects: Objects;
}

/** Makes everything anew under `place`. */
export function makeSite(place: string): Site {
  const layout = layoutOf(place);
  for (const folder of [layout.certificates, layout.keys]) mkdirSync(folder, { recursive: true });
  const certificates = ensureCertificates(layout, ['producer-a', 'producer-b'], new Date());
  const keys = ensureSigningKeys(layout, ['producer-a', 'producer-b']);
  return { certificates, keys, objects: objectsOf(certificates, keys) };
}

function objectsOf(certificates: Certificates, keys: SigningKeys): Objects {
  const read = (file: string) => readFileSync(file, 'utf8');
  const { server, producerA, authorityFile } = certificates;
  return new Map([
    [
      'ConfigMap/countersign-identities',
      new Map([
        ['producer-a.pem', read(producerA.certificateFile)],
        ['producer-a.pub', keys.producerA.publicKey],
      ]),
    ],
    ['ConfigMap/countersign-client-ca', new Map([['ca.crt', read(authorityFile)]])],
    [
      'Secret/countersign-tls',
      new Map([
        ['tls.crt', read(server.certificateFile)],
        ['tls.key', read(server.keyFile)],
      ]),
    ],
    ['Secret/countersign-feedback-keys', new Map([['feedback-2026.pem', read(keys.feedback.file)]])],
  ]);
}
