/** Signatures by the Transit engine of Vault or OpenBao, over HTTP: by key and version, which an answer must name. */
import type { KeyReference, KeySource, KeySourceAnswer } from '../key-source.js';
import type { VaultSettings } from '../settings.js';
import { publicKeyIn, signatureIn, type VaultAnswer } from './answers.js';
import { VaultClient, type VaultRequest } from './client.js';
import { FileToken } from './file-token.js';
import { KubernetesToken } from './kubernetes-token.js';
import { isTransitKeyName } from './limits.js';
import type { VaultSession, VaultSurroundings } from './session.js';

/** Contacts nobody yet but for its token, and waits for nothing. Throws OpenSSL's error when the authority is none. */
export function openVaultSource(settings: VaultSettings, surroundings: VaultSurroundings): KeySource {
  const client = new VaultClient(settings);
  return new VaultSource(settings, client, sessionOf(settings, client, surroundings));
}

function sessionOf(
  { auth, name: source }: VaultSettings,
  client: VaultClient,
  surroundings: VaultSurroundings,
): VaultSession {
  return auth.kind === 'token'
    ? new FileToken({ source, path: auth.tokenPath, client, surroundings })
    : new KubernetesToken({ source, auth, client, surroundings });
}

class VaultSource implements KeySource {
  readonly name: string;
  readonly kind = 'vault';
  readonly maxMessageBytes: number;
  readonly #mount: string;
  readonly #client: VaultClient;
  readonly #session: VaultSession;

  constructor({ name, maxMessageBytes, mount }: VaultSettings, client: VaultClient, session: VaultSession) {
    this.name = name;
    this.maxMessageBytes = maxMessageBytes;
    this.#mount = mount;
    this.#client = client;
    this.#session = session;
  }

  async sign(reference: KeyReference, message: Uint8Array): Promise<KeySourceAnswer> {
    const { key, version } = reference;
    if (!isComplete(reference) || version === undefined) return refused('names no Transit key and version');
    if (message.length > this.maxMessageBytes)
      return { ok: false, fault: 'too_large', reason: `signs at most ${this.maxMessageBytes} bytes` };
    const input = Buffer.from(message.buffer, message.byteOffset, message.length).toString('base64');
    const answer = await this.#ask({
      method: 'POST',
      path: `${this.#mount}/sign/${key}`,
      // Base64 needs no escape.
      body: `{"key_version":${version},"input":"${input}"}`,
    });
    return answer.ok ? signatureIn(answer.value, version) : failed(answer);
  }

  async publicKey(reference: KeyReference): Promise<KeySourceAnswer> {
    if (!isComplete(reference)) return refused('names no Transit key and version');
    const answer = await this.#ask({ method: 'GET', path: `${this.#mount}/keys/${reference.key}` });
    return answer.ok ? publicKeyIn(answer.value, reference) : failed(answer);
  }

  credentials(): number {
    return this.#session.count();
  }

  close(): Promise<void> {
    this.#session.close();
    this.#client.close();
    return Promise.resolve();
  }

  /** With the token that there is; and once more with another one, where that is refused and there is another one. */
  async #ask(request: VaultRequest): Promise<VaultAnswer> {
    const token = await this.#session.token();
    if (!token.ok) return token;
    const answer = await this.#client.ask({ ...request, token: token.token });
    if (answer.ok || answer.status !== 403) return answer;
    const another = await this.#session.another(token.token);
    if (another === undefined) return answer;
    return another.ok ? this.#client.ask({ ...request, token: another.token }) : another;
  }
}

function isComplete({ key, version }: KeyReference): boolean {
  return isTransitKeyName(key) && version !== undefined && Number.isSafeInteger(version) && version >= 1;
}

function refused(reason: string): KeySourceAnswer {
  return { ok: false, fault: 'refused', reason };
}

function failed({ fault, reason }: Extract<VaultAnswer, { ok: false }>): KeySourceAnswer {
  return { ok: false, fault, reason };
}
