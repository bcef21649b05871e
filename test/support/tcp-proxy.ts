/** A relay between a client and a server on loopback that can be slow, lose answers, or break. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { RedisAddress } from '../../src/storage/redis/settings.js';

export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  /** Connections so far. */
  accepted = 0;
  /** Every answer comes so much later. */
  answersLateByMs = 0;
  /** Requests arrive, and their answers go nowhere. */
  losesAnswers = false;
  /** The same, on the connections of now alone; they stay open. */
  readonly #silent = new Set<Socket>();
  /** A byte of the answers in each second, on the connections of now alone. */
  readonly #trickling = new Set<Socket>();

  private constructor(target: RedisAddress) {
    this.#server = createServer((client) => this.#relay(client, connect(target)));
  }

  static async to(target: RedisAddress): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((done) => proxy.#server.listen(0, '127.0.0.1', done));
    return proxy;
  }

  get address(): RedisAddress {
    return { host: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  /** Nothing comes over a connection of now any more, and nobody says so; new ones work. Resolves at its end. */
  async silence(): Promise<void> {
    await this.#untilEnded(this.#silent);
  }

  /** Answers come over the connections of now a byte a second; new ones work. Resolves at their end. */
  async trickle(): Promise<void> {
    await this.#untilEnded(this.#trickling);
  }

  /** Breaks every connection. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((done) => this.#server.close(done));
  }

  async #untilEnded(marked: Set<Socket>): Promise<void> {
    const clients = [...this.#pairs].map(([client]) => client);
    for (const client of clients) marked.add(client);
    await Promise.all(clients.map((client) => new Promise((ended) => client.once('close', ended))));
  }

  async #pass(bytes: Buffer, client: Socket): Promise<void> {
    for (let at = 0; at < bytes.length && !client.destroyed; at += 1) {
      if (!this.#trickling.has(client)) return void client.write(bytes.subarray(at));
      client.write(bytes.subarray(at, at + 1));
      await pause(1_000, undefined, { ref: false });
    }
  }

  #relay(client: Socket, server: Socket): void {
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    this.accepted += 1;
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    client.on('data', (bytes) => server.write(bytes));
    let last = Promise.resolve();
    server.on('data', (bytes) => {
      if (this.losesAnswers || this.#silent.has(client)) return;
      const dueMs = performance.now() + this.answersLateByMs;
      // In their order, also when the delay has become less.
      last = last.then(() => pause(dueMs - performance.now())).then(() => this.#pass(bytes, client));
    });
  }
}
