/** Whether the Redis of `NONCES` can be used, before anything is made or started for it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { within } from '../../src/storage/deadline.js';
import { redisFault } from '../../src/storage/redis/command.js';
import type { RedisConnectionSettings } from '../../src/storage/redis/settings.js';
import { RedisConnection } from '../../src/storage/redis/connection.js';
import { readServerFacts, serverFault } from '../../src/storage/redis/server-check.js';
import { FederationFault } from './fault.js';
import { REDIS_FORM, type OwnRedis } from './redis.js';

const PATIENCE_MILLISECONDS = 2_000;
const POLL_MILLISECONDS = 20;

/** Throws a fault that says what is wrong, and what to do, when the server is not there or cannot hold nonces. */
export async function checkRedis(redis: OwnRedis): Promise<void> {
  const link = new RedisConnection(linkSettings(redis));
  try {
    const fault = await faultOf(link);
    if (fault !== undefined) throw new FederationFault(`NONCES=redis://…: ${fault}`, remedyOf(fault));
  } finally {
    link.close();
  }
}

function linkSettings({ address, isTls, authorityFile, ...login }: OwnRedis): RedisConnectionSettings {
  const { hostname, port } = new URL(`redis://${address}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  const authority = authorityFile === undefined ? undefined : readAuthority(authorityFile);
  const tls = { authority, certificate: undefined, privateKey: undefined, serverName: undefined };
  return {
    ...login,
    deployment: { kind: 'standalone', address: { host, port: Number(port) } },
    tls: isTls ? tls : undefined,
    keyPrefix: 'countersign',
    timeoutMilliseconds: PATIENCE_MILLISECONDS,
    waitReplicas: 0,
  };
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FederationFault(`NODE_EXTRA_CA_CERTS=${file}: ${reason}`, 'name a file of PEM certificates');
  }
}

async function faultOf(link: RedisConnection): Promise<string | undefined> {
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  while (!link.isReady()) {
    if (performance.now() > deadline)
      return `${link.name} cannot be reached: ${link.lastError() ?? 'it does not answer'}`;
    await sleep(POLL_MILLISECONDS);
  }
  try {
    const facts = await within(link.serverInfo(), PATIENCE_MILLISECONDS);
    return facts.map((info) => serverFault(readServerFacts(info))).find((one) => one !== undefined);
  } catch (error) {
    return `${link.name}: ${redisFault(error).message}`;
  }
}

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /NOAUTH|WRONGPASS|NOPERM/,
    `give the user and the password, as in ${REDIS_FORM}; docs/operations.md has its ACL`,
  ],
  [/certificate/, 'name the authority of its certificate with NODE_EXTRA_CA_CERTS=FILE'],
  [/maxmemory-policy|replica|older/, 'mend that, or use NONCES=lmdb (the default)'],
];

function remedyOf(fault: string): string {
  const start = 'start one there, as in: "$(scripts/redis.sh)" --port 6379 --appendonly yes';
  const found = REMEDIES.find(([pattern]) => pattern.test(fault));
  return found?.[1] ?? `${start}; or use NONCES=lmdb (the default)`;
}
