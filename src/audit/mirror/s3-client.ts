/**
 * The requests of S3 that a mirror needs: objects put under a lock, and looked at again. They are signed by `aws4fetch`
 * (AWS Signature Version 4), an optional dependency that is loaded where a mirror is configured, and sent by us
 * (docs/adr/0028-s3-client.md).
 */
import { createHash } from 'node:crypto';
import type { AwsV4Signer } from 'aws4fetch';
import type { HttpPeer, PeerAnswer, PeerRequest } from '../../storage/http/http-peer.js';
import { refusalInWords, S3Fault } from './s3-fault.js';
import type { S3Credentials } from '../../storage/s3/credentials.js';

/** Where objects go, and how long they are locked there. */
export interface S3Bucket {
  readonly endpoint: URL;
  readonly bucket: string;
  /** Before every name: empty, or with a slash at its end. */
  readonly prefix: string;
  readonly region: string;
  readonly retentionDays: number;
  /** COMPLIANCE: nobody can delete or shorten. GOVERNANCE: who has a special permission can. */
  readonly mode: 'COMPLIANCE' | 'GOVERNANCE';
}

/** What an S3 client needs. */
export interface S3ClientOptions extends S3Bucket {
  readonly peer: Pick<HttpPeer, 'exchange'>;
  readonly Signer: typeof AwsV4Signer;
  /** Read anew for every request, as temporary ones change. Throws a sentence when there are none. */
  readonly credentials: () => S3Credentials;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
}

/** One object to be put. */
export interface S3Object {
  /** Relative to the prefix. */
  readonly name: string;
  readonly body: Buffer;
  readonly type: 'application/octet-stream' | 'text/plain; charset=utf-8';
}

type Answer = Extract<PeerAnswer, { ok: true }>;

const DAY_MILLISECONDS = 86_400_000;

/** Loads the signer. Rejects with a sentence when the package is not installed. */
export async function loadSigner(): Promise<typeof AwsV4Signer> {
  try {
    return (await import('aws4fetch')).AwsV4Signer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      'the package aws4fetch, which a mirror in S3 needs, is not installed: install with optional dependencies',
      { cause: error },
    );
  }
}

export class S3Client {
  readonly #options: S3ClientOptions;

  constructor(options: S3ClientOptions) {
    this.#options = options;
  }

  /**
   * Puts an object that must be there once: where it is already, its content has to be the same. Rejects with
   * `S3Fault`.
   */
  async putOnce(object: S3Object): Promise<void> {
    const answer = await this.#put(object, { 'if-none-match': '*' });
    if (answer.status !== 412) {
      this.#expectStored(answer, object);
      return;
    }
    const there = await this.#send('HEAD', object.name, { 'x-amz-checksum-mode': 'ENABLED' });
    if (there.status !== 200) throw this.#refused(there, `looking at ${object.name}`);
    const isSame = isSameObject(there, object.body) ?? (await this.get(object.name))?.equals(object.body);
    if (isSame !== true)
      throw new S3Fault(`has another object under the name ${this.#options.prefix}${object.name}`, true);
  }

  /** Puts the newest version of an object. Rejects with `S3Fault`. */
  async put(object: S3Object): Promise<void> {
    this.#expectStored(await this.#put(object, {}), object);
  }

  /** The newest version of an object; undefined when there is none. Rejects with `S3Fault`. */
  async get(name: string): Promise<Buffer | undefined> {
    const answer = await this.#send('GET', name, {});
    if (answer.status === 404 && !answer.body.includes('NoSuchBucket')) return undefined;
    if (answer.status !== 200) throw this.#refused(answer, `reading ${name}`);
    return answer.body;
  }

  /** Whether the server says of an object that it is locked for about as long as we asked for. */
  async isLocked(name: string): Promise<boolean> {
    const { status, headers } = await this.#send('HEAD', name, {});
    const untilMs = Date.parse(String(headers['x-amz-object-lock-retain-until-date']));
    const { mode, nowMs, retentionDays } = this.#options;
    return (
      status === 200 &&
      headers['x-amz-object-lock-mode'] === mode &&
      untilMs > nowMs() + (retentionDays - 1) * DAY_MILLISECONDS
    );
  }

  #put({ name, body, type }: S3Object, condition: Record<string, string>): Promise<Answer> {
    const { mode, retentionDays, nowMs } = this.#options;
    const until = new Date(nowMs() + retentionDays * DAY_MILLISECONDS);
    const lock = {
      'x-amz-object-lock-mode': mode,
      'x-amz-object-lock-retain-until-date': until.toISOString(),
      'x-amz-checksum-sha256': digest('sha256', body, 'base64'),
      'content-type': type,
    };
    return this.#send('PUT', name, { ...lock, ...condition }, body);
  }

  #expectStored(answer: Answer, { name, body }: S3Object): void {
    if (answer.status !== 200) throw this.#refused(answer, `writing ${name}`);
    if (isSameObject(answer, body) === false)
      throw new S3Fault(`says that it stored something else than ${name}`, true);
  }

  #refused(answer: Answer, doing: string): S3Fault {
    return refusalInWords(answer, doing, this.#options);
  }

  async #send(
    method: 'GET' | 'HEAD' | 'PUT',
    name: string,
    headers: Record<string, string>,
    body?: Buffer,
  ): Promise<Answer> {
    const answer = await this.#options.peer.exchange(await this.#signed(method, name, headers, body));
    if (!answer.ok) throw new S3Fault(answer.reason);
    return answer;
  }

  async #signed(
    method: 'GET' | 'HEAD' | 'PUT',
    name: string,
    headers: Record<string, string>,
    body: Buffer | undefined,
  ): Promise<PeerRequest> {
    const { endpoint, bucket, prefix, region, Signer, credentials, nowMs } = this.#options;
    const { sessionToken, ...keys } = credentials();
    const signer = new Signer({
      method,
      url: `${endpoint.origin}/${bucket}/${prefix}${name}`,
      headers: { ...headers, 'x-amz-content-sha256': digest('sha256', body ?? Buffer.alloc(0), 'hex') },
      ...keys,
      ...(sessionToken !== undefined && { sessionToken }),
      service: 's3',
      region,
      datetime: new Date(nowMs()).toISOString().replace(/[:-]|\.\d{3}/g, ''),
    });
    const signed = await signer.sign();
    return { method, path: signed.url.pathname, headers: Object.fromEntries(signed.headers), body };
  }
}

function digest(algorithm: 'sha256' | 'md5', bytes: Uint8Array, encoding: 'hex' | 'base64'): string {
  return createHash(algorithm).update(bytes).digest(encoding);
}

/** By the checksum that the server gives, else by an ETag that is the MD5 of the content; undefined when it says neither. */
function isSameObject({ headers }: Answer, body: Buffer): boolean | undefined {
  const checksum = headers['x-amz-checksum-sha256'];
  if (typeof checksum === 'string') return checksum === digest('sha256', body, 'base64');
  const [, md5] = /^"?([0-9a-f]{32})"?$/.exec(headers.etag ?? '') ?? [];
  // What is encrypted under a key of its own has an ETag of another kind.
  const isMd5 = !String(headers['x-amz-server-side-encryption']).includes('kms');
  return md5 === undefined || !isMd5 ? undefined : md5 === digest('md5', body, 'hex');
}
