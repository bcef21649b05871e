/** `NONCES=redis://…`: nonces in a Redis that is there already, and that other verifiers may share. */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Secret } from '../../src/storage/redis/settings.js';
import { parseRedisUrl } from '../../src/migrate/import-settings.js';
import type { z } from 'zod';
import type { configurationSchema } from '../../src/config/schema/schema.js';
import { FederationFault } from './fault.js';
import type { Layout } from './layout.js';
import type { SigningKeys } from './signing-keys.js';
import { writePrivateFile } from './write-file.js';

/** What the URL says. The password is a function, so that no dump of it shows one. */
export interface OwnRedis {
  /** host:port, an IPv6 address in brackets. */
  readonly address: string;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: Secret | undefined;
  readonly isTls: boolean;
  /** Whom alone to believe, PEM; absent: the authorities that Node was built with. */
  readonly authorityFile: string | undefined;
}

/** Where the nonces are kept. */
export type Nonces = 'lmdb' | 'memory' | OwnRedis;

const USERNAME = /^[\x21-\x7e]{1,128}$/;
const PASSWORD = /^[^\r\n\0]{1,1024}$/;
/** How the switch is to be given. */
export const REDIS_FORM = 'NONCES=redis://user:password@host:port/database (rediss:// for TLS)';

/**
 * Reads a `redis://` or `rediss://` URL. Throws a fault without the password in it when it is none of a server.
 * `authorityFile`: of `rediss://`.
 */
export function parseOwnRedis(text: string, authorityFile?: string): OwnRedis {
  const url = parseRedisUrl(text);
  if (url === undefined || url.hasParameters) throw unusable('names no Redis server');
  const { address, database, username, password, isTls } = url;
  if (username !== undefined && !USERNAME.test(username)) throw unusable('has a user name that is none');
  if (password !== undefined && !PASSWORD.test(password)) throw unusable('has a password of several lines');
  if (username !== undefined && password === undefined) throw unusable('has a user and no password');
  return {
    address,
    database,
    username,
    password: password === undefined ? undefined : () => password,
    isTls,
    authorityFile: isTls && authorityFile !== undefined ? resolve(authorityFile) : undefined,
  };
}

function unusable(what: string): FederationFault {
  return new FederationFault(`NONCES=redis://… ${what}`, `give it as in ${REDIS_FORM}, without parameters`);
}

const PASSWORD_FILE = 'keys/redis-password';

/** Writes the password to a file of its own, or removes that of an earlier start. */
export function writeRedisPassword(layout: Layout, nonces: Nonces): void {
  const file = join(layout.directory, PASSWORD_FILE);
  const password = typeof nonces === 'object' ? nonces.password : undefined;
  if (password === undefined) rmSync(file, { force: true });
  else writePrivateFile(file, `${password()}\n`);
}

/** The `nonces` of the configuration. */
export function redisSection(
  { address, database, username, password, isTls, authorityFile }: OwnRedis,
  keys: SigningKeys,
): z.input<typeof configurationSchema>['nonces'] {
  return {
    store: 'redis',
    redis: {
      address,
      database,
      ...(username !== undefined && { username }),
      ...(password !== undefined && { passwordFile: PASSWORD_FILE }),
      ...(isTls && { tls: { ...(authorityFile !== undefined && { caFile: authorityFile }) } }),
      keyPrefix: keyPrefix(keys),
    },
  };
}

/**
 * Of these request keys alone: a state that is missing is no loss where the keys are new, and must stay one for
 * another federation in the same Redis.
 */
function keyPrefix({ producerA, producerB }: SigningKeys): string {
  const hash = createHash('sha256').update(`${producerA.publicKey} ${producerB.publicKey}`).digest('hex');
  return `countersign-${hash.slice(0, 16)}`;
}
