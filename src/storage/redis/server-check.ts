/** What a Redis server has to be before nonces are entrusted to it (docs/security-requirements.md#20), read from its INFO. */

/** One server's state, as far as it concerns us. */
interface RedisServerFacts {
  readonly version: string;
  readonly role: string;
  readonly evictionPolicy: string;
  /** Keys that were thrown away for want of memory since the server started. */
  readonly evictedKeys: number;
}

/** Oldest server line with the ACLs and the script semantics that we rely on. */
const OLDEST_VERSION = [6, 2] as const;

/** Reads the reply of INFO; what is missing is an empty text or 0. */
export function readServerFacts(info: string): RedisServerFacts {
  const field = (name: string): string => new RegExp(`^${name}:([^\r\n]*)`, 'm').exec(info)?.[1] ?? '';
  const evicted = field('evicted_keys');
  return {
    version: field('redis_version'),
    role: field('role'),
    evictionPolicy: field('maxmemory_policy'),
    evictedKeys: /^[0-9]{1,15}$/.test(evicted) ? Number(evicted) : 0,
  };
}

/** Why the server cannot hold nonces, with the remedy; undefined when it can. */
export function serverFault({ version, role, evictionPolicy }: RedisServerFacts): string | undefined {
  if (isOlder(version))
    return `Redis ${version} is older than ${OLDEST_VERSION.join('.')}: use that version or a newer one`;
  if (role !== 'master')
    return `the Redis server is a ${role === 'slave' ? 'replica' : role || 'server of unknown role'}: name its master, or the sentinels`;
  if (evictionPolicy !== 'noeviction')
    return `Redis has maxmemory-policy ${evictionPolicy || 'unknown'}, which may throw nonces away: set maxmemory-policy noeviction`;
  return undefined;
}

function isOlder(version: string): boolean {
  const [, major = '0', minor = '0'] = /^([0-9]{1,4})\.([0-9]{1,4})/.exec(version) ?? [];
  const [oldestMajor, oldestMinor] = OLDEST_VERSION;
  return Number(major) < oldestMajor || (Number(major) === oldestMajor && Number(minor) < oldestMinor);
}

/** The fault of clocks that lie too far apart, in words. `byMs`: how far that of Redis is ahead. */
export function clocksApart(byMs: number): string {
  const direction = byMs > 0 ? 'ahead of' : 'behind';
  return `the clock of Redis is ${(Math.abs(byMs) / 1000).toFixed(0)} s ${direction} ours: see to the time synchronisation of both`;
}
