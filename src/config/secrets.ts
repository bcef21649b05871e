/**
 * Secrets among the settings. Each is a function, so that no dump of the settings shows it; where settings are compared
 * or handed to another thread they have to be data.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Secret } from '../storage/redis/settings.js';

/** The only member of what stands in the place of a secret. No section of the configuration has such a name. */
const SECRET_INDEX = '\0secret';

/**
 * Whether two settings hold the same. One of them may have come over from another thread, whose objects have prototypes
 * of their own; a secret is compared by what it says.
 */
export function isSameData(left: unknown, right: unknown): boolean {
  return isDeepStrictEqual(dataOf(left), dataOf(right));
}

function dataOf(value: unknown): unknown {
  return structuredClone(withoutSecrets(value, (secret) => secret()));
}

/** A copy of plain data in which `show` has its say about each secret. */
function withoutSecrets(value: unknown, show: (secret: Secret) => unknown): unknown {
  if (typeof value === 'function') return show(value as Secret);
  return mapped(value, (member) => withoutSecrets(member, show));
}

/** A copy without secrets, which are put at the end of `texts` instead; {@link restoreSecrets} puts them back. */
export function takeSecrets<Settings>(settings: Settings, texts: string[]): Settings {
  return withoutSecrets(settings, (secret) => ({ [SECRET_INDEX]: texts.push(secret()) - 1 })) as Settings;
}

/** What `takeSecrets` was given, whole again. */
export function restoreSecrets<Settings>(settings: Settings, texts: readonly string[]): Settings {
  const restore = (value: unknown): unknown => {
    const at = indexOfSecret(value);
    const text = at === undefined ? undefined : texts[at];
    return text === undefined ? mapped(value, restore) : () => text;
  };
  return restore(settings) as Settings;
}

function indexOfSecret(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, SECRET_INDEX)) return undefined;
  return (value as Record<typeof SECRET_INDEX, number>)[SECRET_INDEX];
}

function mapped(value: unknown, change: (member: unknown) => unknown): unknown {
  if (Array.isArray(value)) return value.map(change);
  if (
    typeof value !== 'object' ||
    value === null ||
    Object.prototype.toString.call(value) !== '[object Object]'
  )
    return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, change(member)]));
}
