/**
 * The connection to Redis: one server, the master that sentinels name, or a cluster. Nothing is ever sent twice
 * or kept for later: what cannot be sent now fails now, and what was sent and not answered is unknown.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Cluster, type Redis } from 'ioredis';
import { clientFor, describe, RECONNECT_MS, sentinelsOf } from './clients.js';
import { deadline, within } from '../deadline.js';
import { redisFault, type RedisFault, type RedisScript } from './command.js';
import { isFresh, type RedisSentinels } from './sentinels.js';
import type { RedisConnectionSettings } from './settings.js';

/**
 * A connection that stands and has not brought one answer in time for so long is ended and made anew
 * (docs/adr/0011-dead-redis-connections.md): so also the shortest time between two such ends.
 */
const UNANSWERED_MS = 4_000;
/** Between two questions whether it does. */
const PROBE_MS = 250;

/** It connects by itself, again and again, and never throws for a Redis that is not there. */
export class RedisConnection {
  /** What it is connected to, for messages; never with a password. */
  readonly name: string;
  readonly breaker = new CircuitBreaker();
  readonly #client: Redis | Cluster;
  readonly #sentinels: RedisSentinels | undefined;
  readonly #timeoutMilliseconds: number;
  /** Servers that are being asked whether they answer on the connection that there is. */
  readonly #probed = new Set<Redis>();
  #lastError: string | undefined;
  #number = 0;
  #masterConfirmed = { connection: -1, atMs: 0 };
  #closed = false;

  constructor(settings: RedisConnectionSettings) {
    this.name = describe(settings);
    this.#timeoutMilliseconds = settings.timeoutMilliseconds;
    this.#sentinels = sentinelsOf(settings);
    this.#client = clientFor(settings, this.#sentinels);
    this.#client.on('error', (error: Error) => {
      this.#lastError = error.message.slice(0, 200);
    });
    this.#client.on('ready', () => {
      this.#lastError = undefined;
    });
    this.#client.on('close', () => {
      this.#number += 1;
    });
    // A client whose look-up of the master was interrupted gives up for good.
    this.#client.on('end', () => {
      if (!this.#closed) setTimeout(() => this.#connectAgain(), RECONNECT_MS).unref();
    });
  }

  /** Whether commands can be sent right now. */
  isReady(): boolean {
    return this.#client.status === 'ready';
  }

  /** Changes whenever a connection ends. */
  number(): number {
    return this.#number;
  }

  /**
   * Asks the sentinels, where there are such, whether this connection leads to the master; resolves with why that is
   * in doubt, or undefined.
   */
  async confirmMaster(): Promise<string | undefined> {
    if (this.#sentinels === undefined) return undefined;
    const asked = { connection: this.#number, atMs: performance.now() };
    const doubt = await this.#sentinels.doubt();
    if (doubt === undefined) this.#masterConfirmed = asked;
    return doubt;
  }

  /** Whether they said so of this very connection, a moment ago. */
  isMasterConfirmed(): boolean {
    if (this.#sentinels === undefined) return true;
    const { connection, atMs } = this.#masterConfirmed;
    return connection === this.#number && isFresh(atMs);
  }

  /** Why the last connection failed; undefined when none has. */
  lastError(): string | undefined {
    return this.#lastError;
  }

  /** Runs a script once. Rejects with the client's error; `redisFault` tells what that means. */
  run({ sha }: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    return this.#client.evalsha(sha, keys.length, ...keys, ...args);
  }

  /** Loads scripts into every master. */
  async loadScripts(scripts: readonly RedisScript[]): Promise<void> {
    const loads = (master: Redis) => scripts.map(({ text }) => master.script('LOAD', text));
    await Promise.all(this.#masters().flatMap(loads));
  }

  /** INFO of every master. */
  serverInfo(): Promise<readonly string[]> {
    return Promise.all(this.#masters().map((master) => master.info()));
  }

  /** Waits until so many replicas have what was written on this connection; resolves with how many have. */
  wait(replicas: number, milliseconds: number): Promise<number> {
    const [master] = this.#masters();
    return master === undefined ? Promise.resolve(0) : master.wait(replicas, milliseconds);
  }

  /**
   * Something was not answered as it should: asks every server by itself, sentinels too, and makes anew the connections
   * over which nothing is answered. Returns at once.
   */
  endUnanswered(): void {
    const servers = [...this.#masters(), ...(this.#sentinels?.clients ?? [])];
    for (const server of servers) if (!this.#probed.has(server)) void this.#endUnlessAnswered(server);
  }

  close(): void {
    this.#closed = true;
    this.#client.disconnect(false);
    this.#sentinels?.close();
  }

  #connectAgain(): void {
    if (this.#closed || this.#client.status !== 'end') return;
    this.#client.connect().catch(() => undefined);
  }

  /** Never rejects. Status `connect`: the connection stands, and its first answers are awaited. */
  async #endUnlessAnswered(server: Redis): Promise<void> {
    if (server.status !== 'ready' && server.status !== 'connect') return;
    this.#probed.add(server);
    const { stream } = server;
    const stands = (): boolean => !this.#closed && server.stream === stream && !stream.destroyed;
    const endMs = performance.now() + UNANSWERED_MS;
    let answer = await askOnce(server, this.#timeoutMilliseconds);
    while (answer === 'none' && stands() && performance.now() < endMs) {
      await pause(PROBE_MS, undefined, { ref: false });
      answer = await askOnce(server, this.#timeoutMilliseconds);
    }
    this.#probed.delete(server);
    if (answer !== 'own' && stands()) server.disconnect(true);
  }

  #masters(): Redis[] {
    return this.#client instanceof Cluster ? this.#client.nodes('master') : [this.#client];
  }
}

/**
 * What a server answers in time on its connection: `own` to this question (a refusal too), `none`, or `other`, the
 * answer to something else, after which no answer on this connection can be trusted to be that of its question.
 */
async function askOnce(server: Redis, milliseconds: number): Promise<'own' | 'none' | 'other'> {
  const question = randomBytes(9).toString('base64url');
  try {
    return (await within(server.ping(question), milliseconds)) === question ? 'own' : 'other';
  } catch (error) {
    return redisFault(error).kind === 'unknown' ? 'none' : 'own';
  }
}

/** What is made of one command. What comes after the deadline changes no answer, but may have to be undone. */
interface CommandOutcomes<Reply, Answer> {
  /** At the deadline. */
  readonly late: () => Answer;
  readonly answered: (reply: Reply, inTime: boolean) => Answer | Promise<Answer>;
  readonly failed: (kind: RedisFault['kind'], inTime: boolean) => Answer;
}

/** Faults in a row that open it. */
const FAULTS_TO_OPEN = 5;

/**
 * Stops asking a Redis that does not answer: callers are told at once, not after a deadline. It says nothing about
 * the connection, whose end is decided elsewhere (docs/adr/0011-dead-redis-connections.md).
 */
export class CircuitBreaker {
  #faults = 0;
  #state: 'closed' | 'open' | 'half_open' = 'closed';

  /** `half_open`: one probe is on its way, and nothing else is let through. */
  state(): 'closed' | 'open' | 'half_open' {
    return this.#state;
  }

  /** Whether ordinary work may go to Redis. */
  isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** A probe begins; it is the only one that may close an open breaker. */
  probe(): void {
    if (this.#state === 'open') this.#state = 'half_open';
  }

  /** Waits for a command that was sent, counts how it went, and resolves with what its caller is told. */
  judge<Reply, Answer>(
    command: Promise<Reply>,
    milliseconds: number,
    { late, answered, failed }: CommandOutcomes<Reply, Answer>,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let inTime = true;
      const cancel = deadline(milliseconds, () => {
        inTime = false;
        this.failed();
        resolve(late());
      });
      const onReply = (reply: Reply): Answer | Promise<Answer> => {
        cancel();
        // Whatever it says; ordinary answers do not close what is open.
        if (inTime && this.#state === 'closed') this.#faults = 0;
        return answered(reply, inTime);
      };
      const onError = (error: unknown): Answer => {
        cancel();
        const { kind } = redisFault(error);
        // A full Redis has answered.
        if (inTime && kind !== 'full') this.failed();
        return failed(kind, inTime);
      };
      command.then(onReply).catch(onError).then(resolve, reject);
    });
  }

  /** The probe has passed. */
  recovered(): void {
    this.#state = 'closed';
    this.#faults = 0;
  }

  /** Redis did not answer in time, or not at all. */
  failed(): void {
    this.#faults += 1;
    if (this.#state === 'half_open' || this.#faults >= FAULTS_TO_OPEN) this.#state = 'open';
  }
}
