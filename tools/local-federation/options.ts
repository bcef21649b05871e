/** What `up` can be told: the switches of the interface, from environment variables or Make arguments. */
import { FederationFault } from './fault.js';
import { parseOwnRedis, type Nonces } from './redis.js';

/** The application that was given with `UPSTREAM`. */
export interface OwnUpstream {
  readonly url: string;
  readonly address: string;
  readonly port: number;
}

/** The switches, read and checked. */
export interface Switches {
  readonly port: number;
  /** Undefined: the reference upstream. */
  readonly upstream: OwnUpstream | undefined;
  readonly rateLimitPerMinute: number;
  /** Undefined: whatever `scripts/envoy.sh` finds. */
  readonly envoyBinary: string | undefined;
  readonly nonces: Nonces;
  readonly stateDirectory: string;
  readonly demonstration: boolean;
}

/** `local_federation/` in the repository. */
export const DEFAULT_STATE_DIRECTORY = 'local_federation';
const DEFAULT_PORT = 8443;
const DEFAULT_RATE_LIMIT = 120;
const MAX_RATE_LIMIT = 1_000_000;

type Environment = Readonly<Record<string, string | undefined>>;

/** Make hands on an argument that was given without a value as an empty one: that is as good as none. */
function given(environment: Environment, name: string): string | undefined {
  const value = environment[name]?.trim();
  return value === '' ? undefined : value;
}

function integer(
  environment: Environment,
  name: string,
  fallback: number,
  bounds: readonly [number, number],
): number {
  const text = given(environment, name);
  if (text === undefined) return fallback;
  const value = /^(?:0|[1-9][0-9]{0,8})$/.test(text) ? Number(text) : NaN;
  if (value >= bounds[0] && value <= bounds[1]) return value;
  throw new FederationFault(
    `${name}=${text} is not a whole number from ${bounds[0]} to ${bounds[1]}`,
    `give one, as in ${name}=${fallback}`,
  );
}

/** Reads `UPSTREAM`. Throws a fault when it is not the address of a plain HTTP server. */
export function parseUpstream(text: string): OwnUpstream {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // Whatever else the text says (a path, a password, a fragment) would be dropped without a word.
  if (url?.protocol !== 'http:' || url.href !== `${url.origin}/`) {
    throw new FederationFault(
      `UPSTREAM=${text} is not the address of an HTTP server`,
      'give scheme, host and port alone, as in UPSTREAM=http://127.0.0.1:9000',
    );
  }
  // Envoy would wait for the name server; this name is known.
  const address = url.hostname === 'localhost' ? '127.0.0.1' : url.hostname.replace(/^\[|\]$/g, '');
  return { url: url.origin, address, port: url.port === '' ? 80 : Number(url.port) };
}

function nonceStore(environment: Environment): Nonces {
  const store = given(environment, 'NONCES') ?? 'lmdb';
  if (store === 'lmdb' || store === 'memory') return store;
  if (store.startsWith('redis')) return parseOwnRedis(store, given(environment, 'NODE_EXTRA_CA_CERTS'));
  // What comes after a scheme may hold a password.
  const shown = store.replace(/:\/\/[^]*$/, '://…');
  throw new FederationFault(
    `NONCES=${shown} is no nonce store`,
    'use NONCES=lmdb (the default), memory or redis://host:port',
  );
}

function flag(environment: Environment, name: string): boolean {
  const text = given(environment, name) ?? '1';
  if (text === '0' || text === '1') return text === '1';
  throw new FederationFault(`${name}=${text} is neither 0 nor 1`, `give ${name}=0 or ${name}=1`);
}

/** Where the federation is kept, the only switch that `down` needs. */
export function stateDirectoryFrom(environment: Environment): string {
  return given(environment, 'STATE_DIR') ?? DEFAULT_STATE_DIRECTORY;
}

/** Reads all switches. Throws a fault that names the variable when one is wrong. */
export function switchesFrom(environment: Environment): Switches {
  const upstream = given(environment, 'UPSTREAM');
  return {
    port: integer(environment, 'PORT', DEFAULT_PORT, [1, 65_535]),
    upstream: upstream === undefined ? undefined : parseUpstream(upstream),
    rateLimitPerMinute: integer(environment, 'RATE_LIMIT_PER_MINUTE', DEFAULT_RATE_LIMIT, [
      0,
      MAX_RATE_LIMIT,
    ]),
    envoyBinary: given(environment, 'ENVOY_BIN'),
    nonces: nonceStore(environment),
    stateDirectory: stateDirectoryFrom(environment),
    demonstration: flag(environment, 'DEMO'),
  };
}
