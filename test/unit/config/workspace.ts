/** A directory to load configurations from, with the files that they name. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueCertificate, newCertificateKeys } from '../../../src/pki/issue-certificate.js';
import { loadConfiguration } from '../../../src/config/load.js';
import { encodePrivateKey, generateKeyPair } from '../../../src/crypto/private-key.js';
import type { Configuration, ConfigurationProblem, LoadResult } from '../../../src/config/settings.js';

/** The folder of the fixtures, beside this file. */
export const fixtures = join(import.meta.dirname, 'fixtures');

/** The moment at which the tests load: after `expired.pem` and before every other end. */
export const nowMs = Date.parse('2027-01-01T00:00:00Z');

/** The public keys of RFC 8032, section 7.1, tests 1 and 2, as base64. */
export const publicKeys = {
  first: '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
  second: 'PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=',
} as const;

/** Their RFC 7638 thumbprints; the first is that of RFC 8037, appendix A.3. */
export const thumbprints = {
  first: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  second: 'FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk',
} as const;

/** Made of the byte 1, 2 or 3, and so never the key of a request: PKCS#8, raw bytes, and base64. */
const feedbackKeyFiles = {
  'fb-2026.pem': encodePrivateKey(generateKeyPair(new Uint8Array(32).fill(1)), 'pem'),
  'fb-2028.key': new Uint8Array(32).fill(2),
  'fb-own.key': encodePrivateKey(generateKeyPair(new Uint8Array(32).fill(3)), 'base64'),
};

/** A temporary directory; `remove` deletes it. */
export interface Workspace {
  readonly directory: string;
  readonly load: (
    yaml: string | Uint8Array,
    options?: { workers?: number; generation?: number; offline?: object },
  ) => LoadResult;
  readonly remove: () => void;
}

/** Made once: issuing is asynchronous, and a workspace is made in one go. */
const server = await serverPair();

/**
 * Makes the directory, with `certs/` (producer, expired, server, ca), a server key of mode 0600, and in `keys/` three
 * feedback keys.
 */
export function createWorkspace(): Workspace {
  const directory = mkdtempSync(join(tmpdir(), 'cfg-'));
  const certs = join(directory, 'certs');
  mkdirSync(certs);
  for (const [name, source] of Object.entries({
    'producer-a.pem': 'producer.pem',
    'expired.pem': 'expired.pem',
    'ca.crt': 'chain.pem',
    'producer-a.pub': 'key.ssh.pub',
  }))
    copyFileSync(join(fixtures, 'files', source), join(certs, name));
  writeFileSync(join(certs, 'server.crt'), server.certificate);
  writeFileSync(join(certs, 'server.key'), server.key, { mode: 0o600 });
  mkdirSync(join(directory, 'keys'));
  for (const [name, content] of Object.entries(feedbackKeyFiles))
    writeFileSync(join(directory, 'keys', name), content, { mode: 0o600 });
  return {
    directory,
    load: (yaml, options) => {
      const file = join(directory, 'countersign.yaml');
      writeFileSync(file, yaml);
      return loadConfiguration(file, { generation: 1, nowMs, ...options });
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** A self-signed server certificate of ten years and its key, both PEM. */
export async function serverPair(): Promise<{ readonly certificate: string; readonly key: string }> {
  const keys = newCertificateKeys();
  const [notBefore, notAfter] = [new Date(nowMs - 86_400_000), new Date(nowMs + 315_360_000_000)];
  const request = {
    commonName: 'localhost',
    role: 'server',
    publicKey: keys.publicKey,
    notBefore,
    notAfter,
  } as const;
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { certificate: await issueCertificate(request, { commonName: 'localhost', keys }), key };
}

/** The configuration of a load that has to have succeeded. */
export function loaded(result: LoadResult): Configuration {
  if (!result.ok) throw new Error(JSON.stringify(result.problems, undefined, 2));
  return result.configuration;
}

/** The problems of a load that has to have failed. */
export function problemsOf(result: LoadResult): readonly ConfigurationProblem[] {
  if (result.ok) throw new Error('the configuration was accepted');
  return result.problems;
}

/** A small valid configuration; `changes` replaces whole top-level sections, or adds them. */
export function configurationText(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    version: 1,
    listen: { socket: 'verifier.sock' },
    audit: { stdout: true },
    operators: { 'operator-a': '11111111-1111-4111-8111-111111111111' },
    identities: [identity()],
    policies: [{ name: 'telemetry', profile: 'federation.telemetry', schemaVersions: ['1.0'] }],
    ...changes,
  });
}

/** A `feedback` section with one key; `changes` replaces its members. */
export function feedback(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { keys: [{ kid: 'fb-2026', privateKeyFile: 'keys/fb-2026.pem' }], ...changes };
}

/** A valid identity; `changes` replaces its members. */
export function identity(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    name: 'producer-a',
    certificates: [{ sha256: 'a'.repeat(64) }],
    keys: [{ kid: 'k1', publicKey: publicKeys.first }],
    operators: ['operator-a'],
    ...changes,
  };
}

/** A valid key set of an identity; `changes` replaces its members. */
export function keySet(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { url: 'https://producer.example/keys.json', thumbprints: [thumbprints.second], ...changes };
}
