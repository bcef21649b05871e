/** What Vault takes, for whoever reads a configuration: names of keys, and how long a message may be. */

/** Names of Transit keys (`framework.GenericNameRegex` of Vault's SDK): no path can be made of one. */
const KEY_NAME = /^\w(?:[\w.-]{0,254}\w)?$/;

/** Whether this may be the name of a Transit key. */
export function isTransitKeyName(name: string): boolean {
  return KEY_NAME.test(name);
}

/**
 * What the longest JSON string that Vault takes by default holds after base64 (`max_json_string_value_length`, 1 MiB:
 * Vault 1.21, and 1.20.3, 1.19.9, 1.18.14 and 1.16.25 of the older ones).
 */
export const DEFAULT_MAX_MESSAGE_BYTES = 786_432;
