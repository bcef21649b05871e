/** A real S3 server with Object Lock on loopback (versitygw), over folders of a test's own. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { AwsV4Signer } from 'aws4fetch';
import { anyFreePort } from '../../e2e/support/free-port.js';
import { until } from '../until.js';
import { endChild } from '../end-child.js';

const REPOSITORY = resolve(import.meta.dirname, '../../..');
const KEYS = { accessKeyId: 'mirror', secretAccessKey: 'a-secret-of-this-test' };

/** What a server answered. */
export interface S3Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly bytes: Buffer;
}

/** Certificate and key of a server that speaks TLS. */
interface ServerTls {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export class VersityServer {
  static readonly credentials = { ...KEYS, sessionToken: undefined };
  readonly port: number;
  readonly folder: string;
  readonly #binary: string;
  readonly #tls: ServerTls | undefined;
  #process: ChildProcess | undefined;

  private constructor(binary: string, port: number, folder: string, tls?: ServerTls) {
    this.#binary = binary;
    this.port = port;
    this.folder = folder;
    this.#tls = tls;
  }

  /** `folder`: where its objects lie. Default: a new one. */
  static async start({ folder, tls }: { folder?: string; tls?: ServerTls } = {}): Promise<VersityServer> {
    const binary = find('versitygw.sh');
    const place = folder ?? mkdtempSync(join(tmpdir(), 'countersign-s3-'));
    const server = new VersityServer(binary, await anyFreePort(), place, tls);
    await server.start();
    return server;
  }

  get endpoint(): URL {
    return new URL(`http${this.#tls === undefined ? '' : 's'}://127.0.0.1:${this.port}`);
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  async start(): Promise<void> {
    const [data, versions] = [join(this.folder, 'data'), join(this.folder, 'versions')];
    for (const folder of [data, versions]) mkdirSync(folder, { recursive: true });
    const tls =
      this.#tls === undefined ? [] : ['--cert', this.#tls.certificateFile, '--key', this.#tls.keyFile];
    const options = ['--port', `127.0.0.1:${this.port}`, '--quiet', '--keep-alive', ...tls];
    this.#process = spawn(this.#binary, [...options, 'posix', '--versioning-dir', versions, data], {
      stdio: 'ignore',
      env: { ROOT_ACCESS_KEY_ID: KEYS.accessKeyId, ROOT_SECRET_ACCESS_KEY: KEYS.secretAccessKey },
    });
    // With TLS only its start can be seen.
    await until('versitygw answers', () =>
      this.#tls === undefined
        ? this.request('GET', '/').then(
            ({ status }) => status === 200,
            () => false,
          )
        : this.isListening(),
    );
  }

  /** As a power cut does it. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    await endChild(child);
  }

  /** Its connections stay, and nothing is answered. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A request of somebody who has every permission. `target`: path and query. */
  async request(
    method: string,
    target: string,
    { headers = {}, body }: { headers?: Record<string, string>; body?: Uint8Array | string } = {},
  ): Promise<S3Answer> {
    const signer = new AwsV4Signer({
      method,
      url: `${this.endpoint.origin}${target}`,
      headers,
      ...(body !== undefined && { body }),
      ...KEYS,
      service: 's3',
      region: 'us-east-1',
    });
    const signed = await signer.sign();
    const answer = await fetch(signed.url, {
      method,
      headers: signed.headers,
      ...(body !== undefined && { body }),
    });
    const bytes = Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, headers: answer.headers, bytes, text: bytes.toString('utf8') };
  }

  async makeBucket(name: string, { locked = true } = {}): Promise<void> {
    const headers: Record<string, string> = locked ? { 'x-amz-bucket-object-lock-enabled': 'true' } : {};
    const { status, text } = await this.request('PUT', `/${name}`, { headers });
    if (status !== 200) throw new Error(`no bucket: ${status} ${text}`);
  }

  /** The names of all objects in a bucket. */
  async names(bucket: string): Promise<string[]> {
    const names: string[] = [];
    for (let after = ''; ; after = `&start-after=${encodeURIComponent(names.at(-1) ?? '')}`) {
      const { text } = await this.request('GET', `/${bucket}?list-type=2${after}`);
      const found = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) => key);
      names.push(...found);
      if (!text.includes('<IsTruncated>true')) return names;
    }
  }

  private async isListening(): Promise<boolean> {
    const { connect } = await import('node:net');
    return new Promise((settle) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.once('connect', () => settle(true)).once('error', () => settle(false));
      socket.once('connect', () => socket.destroy());
    });
  }
}

/** Runs the script that finds or builds a program; gives its path. */
export function find(script: string): string {
  const path = join(REPOSITORY, 'scripts', script);
  const found = execFileSync(path, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return found.trim().split('\n').at(-1) ?? '';
}
