/**
 * A producer as docs/wire-contract.md describes it, on `node:crypto` and `node:https` alone: it shares no code with the
 * verifier, so that what both agree on is the contract.
 */
import { randomBytes, sign, type KeyObject } from 'node:crypto';
import { Agent, request } from 'node:https';

/** What a producer holds: its certificate for the connection, its key for the signature. */
export interface Credentials {
  readonly identity: string;
  /** PEM. Both absent: a client without a certificate. */
  readonly certificate?: string;
  readonly certificateKey?: string;
  /** Its own claim, 64 hex digits. */
  readonly certificateSha256: string;
  readonly signingKey: KeyObject;
}

/** A request, whole. Header names in any case. */
export interface ProducerRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** What came back; status 0 is a connection that was refused or broken, with the reason as the body. */
export interface ProducerAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** What is signed besides the body. */
export interface SignedParts {
  /** Unix seconds. */
  readonly timestamp: number;
  readonly nonce: string;
  /** Absent: no `X-Telemetry-Kid`. */
  readonly kid?: string;
}

/** A fresh nonce of 24 URL-safe characters. */
export function newNonce(): string {
  return randomBytes(18).toString('base64url');
}

/** The headers of a signed request: Ed25519 over `timestamp.nonce.body` (docs/wire-contract.md#a-signed-request). */
export function signedHeaders(
  credentials: Credentials,
  parts: SignedParts,
  body: Buffer,
): Record<string, string> {
  const { timestamp, nonce, kid } = parts;
  const message = Buffer.concat([Buffer.from(`${timestamp}.${nonce}.`), body]);
  return {
    'Content-Type': 'application/json',
    'X-Service-Identity': credentials.identity,
    'X-Client-Cert-Sha256': credentials.certificateSha256,
    'X-Telemetry-Timestamp': String(timestamp),
    'X-Telemetry-Nonce': nonce,
    'X-Telemetry-Signature': sign(null, message, credentials.signingKey).toString('base64'),
    ...(kid !== undefined && { 'X-Telemetry-Kid': kid }),
  };
}

const ANSWER_MILLISECONDS = 8_000;
/** Said here: what is left out, `NODE_TLS_REJECT_UNAUTHORIZED` and `NODE_OPTIONS` decide. The gateway speaks nothing older. */
const VERIFIED = { rejectUnauthorized: true, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

/** Connections to one gateway, one TLS identity each; closed by `close`. */
export class Gateway {
  readonly #url: URL;
  readonly #authority: string;
  readonly #agents = new Map<string, Agent>();

  /** @param url `https://localhost:port` @param authority PEM of the CA of the server's certificate */
  constructor(url: string, authority: string) {
    this.#url = new URL(url);
    this.#authority = authority;
  }

  /** Sends one request over a connection with the credentials' certificate. Never rejects; see `ProducerAnswer`. */
  send(credentials: Credentials, outgoing: ProducerRequest): Promise<ProducerAnswer> {
    return new Promise((resolve) => {
      const call = request(
        {
          agent: this.#agentFor(credentials),
          host: this.#url.hostname,
          port: this.#url.port,
          method: outgoing.method,
          path: outgoing.path,
          headers: { ...outgoing.headers, 'Content-Length': outgoing.body.length },
          timeout: ANSWER_MILLISECONDS,
        },
        (response) => {
          const chunks: Buffer[] = [];
          const done = (): void => {
            const body = Buffer.concat(chunks).toString();
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
          };
          response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', done);
          // A refusal of a large body may close the connection behind it.
          response.on('error', done);
        },
      );
      call.on('timeout', () => call.destroy(new Error('no answer in time')));
      call.on('error', (error) => resolve({ status: 0, headers: {}, body: error.message }));
      call.end(outgoing.body);
    });
  }

  /** Closes every connection. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #agentFor({ certificate, certificateKey }: Credentials): Agent {
    const known = this.#agents.get(certificate ?? '');
    if (known !== undefined) return known;
    const identity = certificate === undefined ? {} : { cert: certificate, key: certificateKey };
    const agent = new Agent({ keepAlive: true, ca: this.#authority, ...VERIFIED, ...identity });
    this.#agents.set(certificate ?? '', agent);
    return agent;
  }
}
