/** The Ed25519 keys of a federation: one for each producer, one for feedback, one for the audit log. Made once, used again. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { verifierKeyText } from '../../src/tlog/note.js';
import { FederationFault } from './fault.js';
import type { Layout } from './layout.js';
import { AUDIT_ORIGIN } from './parties.js';
import { readIfThere, writePrivateFile } from './write-file.js';

/** A private key in a file, and its public half. */
export interface SigningKey {
  /** PKCS#8 PEM, mode 0600. */
  readonly file: string;
  readonly privateKey: KeyObject;
  /** Base64 of the 32 bytes. */
  readonly publicKey: string;
}

/** The keys by what they sign; no two are the same (docs/security-requirements.md#4). */
export interface SigningKeys {
  readonly producerA: SigningKey;
  readonly producerB: SigningKey;
  readonly feedback: SigningKey;
  /** Of the checkpoints of the audit log. */
  readonly auditLog: SigningKey;
  /** One line: what those get who verify the log. */
  readonly auditVerifierKeyFile: string;
  /** Both request keys were made by this very call: nothing can have been signed with them before. */
  readonly requestKeysAreNew: boolean;
}

const RAW_KEY_BYTES = 32;

function rawPublicKey(privateKey: KeyObject): string {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return spki.subarray(-RAW_KEY_BYTES).toString('base64');
}

function parse(file: string, pem: string): KeyObject {
  const remedy = `remove ${file}; the next start makes a new key`;
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch {
    throw new FederationFault(`${file} is not a private key in PEM`, remedy);
  }
  throw new FederationFault(`${file} is not an Ed25519 key`, remedy);
}

function generate(file: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519');
  writePrivateFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  return privateKey;
}

function ensure(file: string): SigningKey {
  const pem = readIfThere(file);
  const privateKey = pem === undefined ? generate(file) : parse(file, pem);
  return { file, privateKey, publicKey: rawPublicKey(privateKey) };
}

/** Reads the keys under `keys/`, making those that are missing. Throws a fault on a file that is no Ed25519 key. */
export function ensureSigningKeys(layout: Layout, names: readonly [string, string]): SigningKeys {
  const files = names.map((name) => join(layout.keys, `${name}.pem`)) as [string, string];
  return {
    requestKeysAreNew: files.every((file) => readIfThere(file) === undefined),
    producerA: ensure(files[0]),
    producerB: ensure(files[1]),
    feedback: ensure(join(layout.keys, 'feedback.pem')),
    ...ensureAuditKey(layout),
  };
}

function ensureAuditKey({ keys }: Layout): Pick<SigningKeys, 'auditLog' | 'auditVerifierKeyFile'> {
  const auditLog = ensure(join(keys, 'audit-log.pem'));
  const auditVerifierKeyFile = join(keys, 'audit-log.vkey');
  const text = verifierKeyText(AUDIT_ORIGIN, Buffer.from(auditLog.publicKey, 'base64'));
  writePrivateFile(auditVerifierKeyFile, `${text}\n`);
  return { auditLog, auditVerifierKeyFile };
}
