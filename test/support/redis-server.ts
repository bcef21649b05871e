/** A real Redis (or a Sentinel) of a test's own, on loopback, and what can be done to it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisAddress } from '../../src/storage/redis/settings.js';
import { anyFreePort } from '../e2e/support/free-port.js';
import { endChild } from './end-child.js';

const REPOSITORY = resolve(import.meta.dirname, '../..');
const START_MS = 30_000;
const ATTEMPTS = 3;
/** By then a server that cannot have its port is gone. */
const BOUND_MS = 100;

/** Where the server program is; installs it where that can be done. Throws with the remedy on stderr. */
export function findRedis(): string {
  const script = join(REPOSITORY, 'scripts/redis.sh');
  const found = execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return found.trim().split('\n').at(-1) ?? '';
}

/** What a server is started with. */
export interface RedisServerOptions {
  /** Directives of redis.conf, over those of a server that keeps nothing. */
  readonly directives?: readonly string[];
  /** Default: a free one. */
  readonly port?: number;
  readonly isSentinel?: boolean;
  /** For a server that listens with TLS alone, what a client needs to reach it. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

export class RedisServer {
  readonly address: RedisAddress;
  readonly #binary: string;
  readonly #options: RedisServerOptions;
  readonly #folder: string;
  #process: ChildProcess | undefined;
  #admin: Redis | undefined;

  private constructor(binary: string, port: number, options: RedisServerOptions) {
    this.#binary = binary;
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'countersign-redis-'));
    this.address = { host: '127.0.0.1', port };
  }

  /** Starts one and waits until it answers; at another port where somebody took the one that was free a moment ago. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    for (let attempt = 1; ; attempt += 1) {
      const server = await RedisServer.reserve(options);
      try {
        await server.start();
        // Somebody else may have answered.
        await pause(BOUND_MS);
        server.#expectAlive();
        return server;
      } catch (error) {
        await server.remove();
        if (options.port !== undefined || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** A server that does not run yet, at an address of its own. */
  static async reserve(options: RedisServerOptions = {}): Promise<RedisServer> {
    return new RedisServer(findRedis(), options.port ?? (await anyFreePort()), options);
  }

  async start(): Promise<void> {
    const { isSentinel = false, directives = [] } = this.#options;
    const file = join(this.#folder, 'redis.conf');
    const own = [
      this.#options.tls === undefined ? `port ${this.address.port}` : `port 0\ntls-port ${this.address.port}`,
      'bind 127.0.0.1',
      `dir ${this.#folder}`,
      'enable-debug-command local',
      ...(isSentinel ? [] : ['save ""', 'appendonly no']),
    ];
    writeFileSync(
      file,
      [...own.filter((line) => !(isSentinel && line.startsWith('enable-'))), ...directives, ''].join('\n'),
    );
    this.#process = spawn(this.#binary, [file, ...(isSentinel ? ['--sentinel'] : [])], { stdio: 'ignore' });
    await this.#answers();
  }

  /** One command of an administrator; anew where the connection has ended, as those to a server that is promoted do. */
  async command(name: string, ...args: readonly (string | number)[]): Promise<unknown> {
    if (this.#admin?.status === 'end') this.#admin = undefined;
    this.#admin ??= this.#connect();
    return this.#admin.call(name, ...args);
  }

  /** As a power cut does it. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** The process stands still: its connections stay, and nothing is answered. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Ends it and removes its files. */
  async remove(): Promise<void> {
    await this.#end('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#admin?.disconnect(false);
    this.#admin = undefined;
    const child = this.#process;
    this.#process = undefined;
    await endChild(child, signal);
  }

  #connect(): Redis {
    const { tls } = this.#options;
    const admin = new Redis({
      ...this.address,
      ...(tls === undefined ? {} : { tls }),
      protocol: 2,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
    });
    admin.on('error', () => undefined);
    return admin;
  }

  async #answers(): Promise<void> {
    const endMs = performance.now() + START_MS;
    while (performance.now() < endMs) {
      try {
        this.#admin?.disconnect(false);
        this.#admin = this.#connect();
        await this.#admin.call('PING');
        break;
      } catch (error) {
        if (/NOAUTH|NOPERM/.test(String(error))) break;
        await pause(20);
      }
      this.#expectAlive();
    }
    if (performance.now() >= endMs)
      throw new Error(`Redis at port ${this.address.port} did not answer within ${START_MS} ms`);
  }

  #expectAlive(): void {
    const exitCode = this.#process?.exitCode ?? null;
    if (exitCode !== null) throw new Error(`Redis at port ${this.address.port} ended with ${exitCode}`);
  }
}
