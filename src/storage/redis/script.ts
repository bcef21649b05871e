/** A Lua script of Redis with the name by which it is called. */
import { createHash } from 'node:crypto';

/** A script with the name by which Redis knows it once it is loaded. */
export interface RedisScript {
  readonly text: string;
  readonly sha: string;
}

/** A script with its name, from its text. */
export function redisScript(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
