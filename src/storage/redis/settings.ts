/** The Redis that several verifiers share: where it is, and how it is spoken to. */

/** Where a server listens. */
export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** A function, so that no dump of the settings shows it. */
export type Secret = () => string;

/** What is behind the addresses. */
export type RedisDeployment =
  | { readonly kind: 'standalone'; readonly address: RedisAddress }
  | {
      readonly kind: 'sentinel';
      readonly master: string;
      readonly addresses: readonly RedisAddress[];
      readonly username: string | undefined;
      readonly password: Secret | undefined;
    }
  | { readonly kind: 'cluster'; readonly addresses: readonly RedisAddress[] };

/** TLS to every server; each member PEM, or absent. */
export interface RedisTls {
  /** Whom to believe; absent: the authorities that Node was built with. */
  readonly authority: string | undefined;
  readonly certificate: string | undefined;
  readonly privateKey: Secret | undefined;
  readonly serverName: string | undefined;
}

export interface RedisSettings {
  readonly deployment: RedisDeployment;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
  readonly tls: RedisTls | undefined;
  /** Begins every key. */
  readonly keyPrefix: string;
  /** How long one command may take. */
  readonly timeoutMilliseconds: number;
  /** Replicas that must have a claim before it counts; 0 asks none. */
  readonly waitReplicas: number;
  /** How far the clocks of a verifier and of Redis may lie apart. */
  readonly maxClockDifferenceMilliseconds: number;
}

/** What a connection is made from. */
export type RedisConnectionSettings = Omit<RedisSettings, 'maxClockDifferenceMilliseconds'>;
