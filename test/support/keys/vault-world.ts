/** What tests of a Vault source share: one that is open over a real engine, its files, what it reports, what it is asked. */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { fastVerifier } from '../../../src/crypto/engines.js';
import type {
  KeyReference,
  KeySource,
  KeySourceAnswer,
  KeySourceFault,
} from '../../../src/keys/key-source.js';
import { DEFAULT_MAX_MESSAGE_BYTES } from '../../../src/keys/vault/limits.js';
import type { VaultSettings } from '../../../src/keys/settings.js';
import type { VaultSurroundings } from '../../../src/keys/vault/session.js';
import { openVaultSource } from '../../../src/keys/vault/source.js';
import { VaultServer } from './vault-server.js';

/** Longer than a busy machine needs for a request on loopback. */
const PATIENT_MS = 20_000;

export class VaultWorld {
  readonly directory = mkdtempSync(join(tmpdir(), 'countersign-vault-'));
  readonly tokenPath = join(this.directory, 'token');
  readonly jwtPath = join(this.directory, 'jwt');
  readonly reports: string[] = [];
  readonly #open: KeySource[] = [];

  /** As an agent does it: beside its place, and moved there. */
  write(path: string, text: string): void {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  settings(url: string, others: Partial<VaultSettings> = {}): VaultSettings {
    return {
      kind: 'vault',
      name: 'transit',
      url,
      authority: undefined,
      mount: 'transit',
      namespace: undefined,
      auth: { kind: 'token', tokenPath: this.tokenPath },
      maxMessageBytes: DEFAULT_MAX_MESSAGE_BYTES,
      timeoutMilliseconds: PATIENT_MS,
      ...others,
    };
  }

  open(url: string, others: Partial<VaultSettings> = {}): KeySource {
    const source = openVaultSource(this.settings(url, others), this.surroundings());
    this.#open.push(source);
    return source;
  }

  surroundings(): VaultSurroundings {
    const read = (path: string): string => readFileSync(path, 'latin1');
    return {
      readSecret: read,
      readText: read,
      report: (message, members) => void this.reports.push(`${message} ${JSON.stringify(members)}`),
    };
  }

  async closeSources(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((source) => source.close()));
    this.reports.length = 0;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

const TOKEN_OF_TESTS = 'hvs.a-token-of-the-verifier';

/** A server with two keys, `feedback` and `other`, and a world beside it. */
export async function startVault(): Promise<{ readonly server: VaultServer; readonly world: VaultWorld }> {
  const world = new VaultWorld();
  const server = await VaultServer.start();
  await server.makeKey('feedback');
  await server.makeKey('other');
  return { server, world };
}

/** Before each test: nothing is broken, and the token in its file is good for these keys. Gives the token. */
export async function giveToken(
  { server, world }: { readonly server: VaultServer; readonly world: VaultWorld },
  keys: readonly string[],
): Promise<string> {
  await server.mend();
  await server.grant(TOKEN_OF_TESTS, { keys: [...keys] });
  world.write(world.tokenPath, `${TOKEN_OF_TESTS}\n`);
  return TOKEN_OF_TESTS;
}

export const keyOf = (key: string, version: number | undefined = 1): KeyReference => ({
  source: 'transit',
  key,
  version,
});

export function bytesOf(answer: KeySourceAnswer): Uint8Array {
  if (!answer.ok) throw new Error(`${answer.fault}: ${answer.reason}`);
  return answer.bytes;
}

export function faulty(fault: KeySourceFault, reason: RegExp): unknown {
  return { ok: false, fault, reason: expect.stringMatching(reason) };
}

/** Signs, and verifies with the key that the source names. */
export async function expectSigned(
  source: KeySource,
  reference: KeyReference,
  message: Uint8Array = Buffer.from('an answer to be signed'),
): Promise<void> {
  const raw = bytesOf(await source.publicKey(reference));
  const signature = bytesOf(await source.sign(reference, message));
  expect(fastVerifier().verify({ raw }, message, signature)).toBe(true);
}
