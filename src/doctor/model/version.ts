/** The version of an Envoy, from what it says of itself in a dump. Pure. */
import type { Message } from '../read/message.js';

/** `1.40.0` as numbers. */
export interface EnvoyVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** Undefined in a bootstrap that nobody runs yet. */
export function versionOf(bootstrap: Message | undefined): EnvoyVersion | undefined {
  const version = bootstrap?.at('node', 'user_agent_build_version', 'version');
  const major = version?.number('major_number');
  if (version === undefined || major === undefined) return undefined;
  return { major, minor: version.number('minor_number') ?? 0, patch: version.number('patch') ?? 0 };
}

/** As people write it. */
export function versionText({ major, minor, patch }: EnvoyVersion): string {
  return `${major}.${minor}.${patch}`;
}
