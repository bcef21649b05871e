/** A `redis://` or `rediss://` URL as other programs are given it; our own configuration takes none, for their passwords. */

/** What the URL says; `password` is never to be shown. */
export interface RedisUrl {
  /** host:port, an IPv6 address in brackets. */
  readonly address: string;
  readonly database: number;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly isTls: boolean;
  readonly hasParameters: boolean;
}

const DEFAULT_PORT = '6379';

/** Reads the URL; undefined when it is none of a server (a socket, a list of sentinels), or its database no number. */
export function parseRedisUrl(text: string): RedisUrl | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol)) return undefined;
  const [, database] = /^\/?([0-9]{0,2})$/.exec(url.pathname) ?? [];
  if (database === undefined || !/^(?:[0-9A-Za-z._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])$/.test(url.hostname))
    return undefined;
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (username === undefined || password === undefined || Number(database) > 15) return undefined;
  return {
    address: `${url.hostname}:${url.port === '' ? DEFAULT_PORT : url.port}`,
    database: Number(database),
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
    isTls: url.protocol === 'rediss:',
    hasParameters: url.search !== '',
  };
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
