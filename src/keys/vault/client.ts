/** One server with Vault's API: where it is, how a request to it is written, and what came of it. */
import { HttpPeer, type PeerRequest } from '../../storage/http/http-peer.js';
import type { VaultSettings } from '../settings.js';
import { failureOf, type VaultAnswer } from './answers.js';

/** Of an answer. A key with some thousand versions lists them all. */
const MAX_ANSWER_BYTES = 1_048_576;

/** Says no more than is true of every request; the one with the token is made for it alone. */
export interface VaultRequest {
  readonly method: 'GET' | 'POST';
  /** Below `/v1/`, in segments that are not encoded yet; a mount may have several. */
  readonly path: string;
  readonly token?: string;
  /** JSON. */
  readonly body?: string;
}

export class VaultClient {
  readonly #peer: HttpPeer;
  readonly #headers: Readonly<Record<string, string>>;

  /** Throws OpenSSL's error when the authority is none. */
  constructor({ url, authority, namespace, timeoutMilliseconds }: VaultSettings) {
    // As many connections as are asked for: who asks is bounded for each key, so that no key waits for another one's.
    this.#peer = new HttpPeer({
      ...{ url: new URL(url), authority, timeoutMilliseconds },
      ...{ maxAnswerBytes: MAX_ANSWER_BYTES, maxConnections: Infinity },
    });
    this.#headers = {
      // An agent between us and the server may ask for it (`require_request_header`).
      'x-vault-request': 'true',
      ...(namespace !== undefined && { 'x-vault-namespace': namespace }),
    };
  }

  /** Never rejects. */
  async ask({ method, path, token, body }: VaultRequest): Promise<VaultAnswer> {
    const request: PeerRequest = {
      method,
      path: `/v1/${path.split('/').map(encodeURIComponent).join('/')}`,
      headers: {
        ...this.#headers,
        ...(token !== undefined && { 'x-vault-token': token }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      body: body === undefined ? undefined : Buffer.from(body),
    };
    const answer = await this.#peer.exchange(request);
    if (!answer.ok) return { ok: false, fault: 'away', reason: answer.reason };
    if (answer.status !== 200) return failureOf(answer.status, answer.body, path);
    try {
      return { ok: true, value: JSON.parse(answer.body.toString('utf8')) as unknown };
    } catch {
      return { ok: false, fault: 'refused', reason: `answers ${path} with something else than JSON` };
    }
  }

  close(): void {
    this.#peer.close();
  }
}
