/** A real witness (litewitness) on loopback, with an ssh-agent that holds its key. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NOTE_COSIGNATURE, verifierKeyText } from '../../../src/tlog/note.js';
import { anyFreePort } from '../../e2e/support/free-port.js';
import { until } from '../until.js';
import { find } from './versity-server.js';
import { endChild } from '../end-child.js';

/** Its own tool for that does not build; so the two rows are written as it would. */
const KNOW_LOG = `
import sqlite3, sys
database, origin, key = sys.argv[1:]
with sqlite3.connect(database) as db:
    db.execute("INSERT INTO log VALUES (?, 0, '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=')", (origin,))
    db.execute("INSERT INTO key VALUES (?, ?)", (origin, key))
`;

export class Litewitness {
  readonly port: number;
  readonly name: string;
  readonly folder = mkdtempSync(join(tmpdir(), 'witness-'));
  readonly #binary = find('litewitness.sh');
  readonly #fingerprint: string;
  readonly verifierKey: string;
  #agent: ChildProcess | undefined;
  #process: ChildProcess | undefined;

  private constructor(name: string, port: number) {
    this.name = name;
    this.port = port;
    const key = join(this.folder, 'key');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const [, fingerprint = ''] = execFileSync('ssh-keygen', ['-l', '-f', key], { encoding: 'utf8' }).split(
      ' ',
    );
    this.#fingerprint = fingerprint;
    // RFC 8709, section 4: the last 32 bytes are the key.
    const [, blob = ''] = readFileSync(`${key}.pub`, 'utf8').split(' ');
    const raw = Buffer.from(blob, 'base64').subarray(-32);
    this.verifierKey = verifierKeyText(name, raw, NOTE_COSIGNATURE);
  }

  static async start(name = 'witness.example/one'): Promise<Litewitness> {
    const witness = new Litewitness(name, await anyFreePort());
    await witness.#startAgent();
    await witness.start();
    return witness;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** From now on it cosigns this log, of which it has seen nothing. */
  know(origin: string, verifierKey: string): void {
    execFileSync('python3', ['-c', KNOW_LOG, this.#database, origin, verifierKey]);
  }

  /** Begins to serve, with what it knew before. */
  async start(): Promise<void> {
    const options = [
      ...['-name', this.name, '-db', this.#database, '-key', this.#fingerprint],
      ...['-ssh-agent', this.#socket, '-listen', `127.0.0.1:${this.port}`],
    ];
    this.#process = spawn(this.#binary, options, { stdio: 'ignore' });
    await until('litewitness listens', () => this.#isListening());
  }

  async kill(): Promise<void> {
    await endChild(this.#process);
    this.#process = undefined;
  }

  async remove(): Promise<void> {
    await this.kill();
    await endChild(this.#agent);
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #database(): string {
    return join(this.folder, 'witness.db');
  }

  get #socket(): string {
    return join(this.folder, 'agent.sock');
  }

  async #startAgent(): Promise<void> {
    this.#agent = spawn('ssh-agent', ['-D', '-a', this.#socket], { stdio: 'ignore' });
    await until('ssh-agent listens', () => existsSync(this.#socket));
    const env = { ...process.env, SSH_AUTH_SOCK: this.#socket };
    execFileSync('ssh-add', ['-q', join(this.folder, 'key')], { env, stdio: 'ignore' });
  }

  #isListening(): Promise<boolean> {
    return new Promise((settle) => {
      const socket = connect(this.port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        settle(true);
      });
      socket.once('error', () => settle(false));
    });
  }
}
