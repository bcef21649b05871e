/** Making a snapshot as immutable at run time as its type says. */

/**
 * Freezes plain objects and lists, all the way down, and returns the same value. Maps, sets, buffers and class
 * instances stay as they are: their types are read-only already, and buffers cannot be frozen.
 */
export function deepFreeze<T>(value: T): T {
  if (value instanceof Map) for (const entry of value.values()) deepFreeze(entry);
  if (!isPlain(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
}
