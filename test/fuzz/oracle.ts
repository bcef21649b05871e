/**
 * The promise, said a second time and without any of our code: who may be let through. It walks the message by itself,
 * parses with `JSON.parse`, verifies with OpenSSL, and knows the one key of the producer.
 */
import { createPublicKey, verify } from 'node:crypto';
import {
  CERTIFICATE,
  HEADER_NAMES,
  IDENTITY,
  NOW_SECONDS,
  OPERATOR,
  producerKey,
  TENANT,
} from '../support/snapshots.js';
import { contentsAt } from './wire.js';

const x = Buffer.from(producerKey.publicKey.raw).toString('base64url');
const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });

/** Paths of field numbers in a CheckRequest (envoy.service.auth.v3): attributes 1, request 4, http 2, source 1. */
const CERTIFICATE_FIELD = [1, 1, 5];
const PATH_FIELD = [1, 4, 2, 4];
const BODY_FIELD = [1, 4, 2, 12];
const HEADER_FIELD = [1, 4, 2, 13, 1];
const KEY_FIELD = [1];
const RAW_VALUE_FIELD = [3];

const last = (message: Buffer, path: readonly number[]): Buffer =>
  contentsAt(message, path).at(-1) ?? Buffer.alloc(0);

/** What the decision is about. */
interface Sent {
  readonly message: Buffer;
  readonly body: Buffer;
}

/** Why this CheckRequest should not have been allowed; undefined when the allow was right. */
export function wrongAllow(message: Buffer): string | undefined {
  const sent = { message, body: last(message, BODY_FIELD) };
  const [kind, sha256] = last(message, CERTIFICATE_FIELD).toString().split(':');
  if (kind !== 'certificate' || sha256 !== CERTIFICATE.certificateSha256) return 'another certificate';
  if (one(sent, HEADER_NAMES.identity) !== IDENTITY) return 'another identity, or two';
  const [path = ''] = last(message, PATH_FIELD).toString().split('?');
  if (path === '/internal/v1/federation/verify') return wrongBundle(sent.body);
  return wrongSignature(sent) ?? (path === '/raw' ? undefined : wrongBinding(sent));
}

/** The only value of a header, one character a byte; undefined when there is none or another. */
function one({ message }: Sent, name: string): string | undefined {
  const headers = contentsAt(message, HEADER_FIELD);
  const [found, another] = headers.filter((header) => last(header, KEY_FIELD).toString() === name);
  return found === undefined || another !== undefined
    ? undefined
    : last(found, RAW_VALUE_FIELD).toString('latin1');
}

function wrongSignature(sent: Sent): string | undefined {
  const timestamp = one(sent, HEADER_NAMES.timestamp) ?? '';
  const nonce = one(sent, HEADER_NAMES.nonce) ?? '';
  const signature = one(sent, HEADER_NAMES.signature) ?? '';
  if (!/^[0-9]+$/.test(timestamp) || Math.abs(Number(timestamp) - NOW_SECONDS) > 31) return 'a wrong time';
  if (!/^[A-Za-z0-9+/]{86}==$/.test(signature)) return 'a signature in another spelling';
  const text = Buffer.concat([Buffer.from(`${timestamp}.${nonce}.`, 'latin1'), sent.body]);
  return verify(null, text, publicKey, Buffer.from(signature, 'base64')) ? undefined : 'a wrong signature';
}

function wrongBinding(sent: Sent): string | undefined {
  const fields = uniqueFields(sent.body);
  if (fields === undefined) return 'a body that is no JSON object, or has a name twice';
  if (String(fields['timestamp']) !== one(sent, HEADER_NAMES.timestamp))
    return 'another timestamp in the body';
  if (fields['nonce'] !== one(sent, HEADER_NAMES.nonce)) return 'another nonce in the body';
  if (fields['operator_id'] !== OPERATOR || fields['tenant_id'] !== TENANT)
    return 'another tenant or operator';
  return undefined;
}

const BUNDLE = ['operator_id', 'campaign_id', 'execution_hash', 'timestamp', 'nonce'] as const;

function wrongBundle(body: Buffer): string | undefined {
  const fields = uniqueFields(body)?.['bundle'] as Record<string, unknown> | undefined;
  if (fields === undefined) return 'no bundle, or a name twice';
  const text = Buffer.from(BUNDLE.map((name) => String(fields[name])).join('|'));
  const signature = Buffer.from(String(fields['signature']), 'base64');
  return verify(null, text, publicKey, signature) ? undefined : 'a bundle that was not signed so';
}

/** The body as an object in which, at every level, each name stands once. */
function uniqueFields(body: Buffer): Record<string, unknown> | undefined {
  const text = body.toString('utf8');
  const value = parsed(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const written = [...text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)].filter(([, colon]) => colon !== undefined);
  return written.length === membersOf(value) ? (value as Record<string, unknown>) : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const inner = Object.values(value).reduce((sum: number, one) => sum + membersOf(one), 0);
  return inner + (Array.isArray(value) ? 0 : Object.keys(value).length);
}
