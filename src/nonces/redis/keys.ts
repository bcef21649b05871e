/** The names of our keys in Redis. */

/** In a cluster the state is kept so many times, and every nonce has its place by its own hash. */
export const CLUSTER_SHARDS = 16;

/** The names of one shard. The braces put all of them into one slot (Redis Cluster specification, *Hash tags*). */
export class RedisKeys {
  readonly state: string;
  readonly session: string;
  readonly held: string;
  readonly #prefix: string;

  /** `verifier` names this process, and no other one ever. */
  constructor(prefix: string, shard: number, verifier: string) {
    this.#prefix = `${prefix}:{${shard}}:`;
    this.state = `${this.#prefix}state`;
    this.session = `${this.#prefix}session:${verifier}`;
    this.held = `${this.#prefix}held`;
  }

  nonce(key: Buffer): string {
    return `${this.#prefix}n:${key.toString('base64url')}`;
  }

  heldBy(identity: string): string {
    return `${this.#prefix}held:${identity}`;
  }
}

/** Which of `shards` a nonce is kept in: by bytes of a hash, and so evenly. */
export function shardOf(key: Buffer, shards: number): number {
  return key.readUInt32BE(key.length - 4) % shards;
}
