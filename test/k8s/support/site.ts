/** What a site brings along: certificates, keys, and the ConfigMaps and Secrets that the manifests expect of it. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureCertificates, type Certificates } from '../../../tools/local-federation/certificates.js';
import { layoutOf } from '../../../tools/local-federation/layout.js';
import { ensureSigningKeys, type SigningKeys } from '../../../tools/local-federation/signing-keys.js';
import type { Objects } from './volumes.js';

export interface Site {
  readonly certificates: Certificates;
  readonly keys: SigningKeys;
  readonly objects: Objects;
}

/** Makes everything anew under `place`. */
export async function makeSite(place: string): Promise<Site> {
  const layout = layoutOf(place);
  for (const folder of [layout.certificates, layout.keys]) mkdirSync(folder, { recursive: true });
  const certificates = await ensureCertificates(layout, ['producer-a', 'producer-b'], new Date());
  const keys = ensureSigningKeys(layout, ['producer-a', 'producer-b']);
  return { certificates, keys, objects: new Map([...objectsOf(certificates, keys), ...redisObjects(place)]) };
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
    ['Secret/countersign-audit-key', new Map([['audit-log.pem', read(keys.auditLog.file)]])],
  ]);
}

/** A password, the ACL that goes with it, and a certificate for the name of the Service that is its own authority. */
function redisObjects(place: string): Objects {
  const password = randomBytes(24).toString('hex');
  const example = readFileSync('k8s/overlays/replicated/users.acl.example', 'utf8');
  const acl = example.replace('PASSWORD_SHA256', createHash('sha256').update(password).digest('hex'));
  const [certificateFile, keyFile] = [join(place, 'redis.crt'), join(place, 'redis.key')];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      ...['-subj', '/CN=countersign-redis', '-addext', 'subjectAltName=DNS:countersign-redis'],
      ...['-keyout', keyFile, '-out', certificateFile],
    ],
    { stdio: 'pipe' },
  );
  const certificate = readFileSync(certificateFile, 'utf8');
  return new Map([
    [
      'Secret/countersign-redis',
      new Map([
        ['password', password],
        ['users.acl', acl],
      ]),
    ],
    [
      'Secret/countersign-redis-tls',
      new Map([
        ['tls.crt', certificate],
        ['tls.key', readFileSync(keyFile, 'utf8')],
        ['ca.crt', certificate],
      ]),
    ],
  ]);
}
