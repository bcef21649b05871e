/** What a store throws that cannot be opened as configured, and the check of the numbers that it is given. */

/** A store that cannot be opened as configured; `message` names the setting or the path, and the remedy. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}

/** Throws `StorageError` on anything but a whole number within the bounds, both included. */
export function checkBounded(
  owner: string,
  name: string,
  value: number,
  [least, most]: readonly [least: number, most: number],
): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new StorageError(`${owner}: ${name} is ${value}; give a whole number from ${least} to ${most}`);
}
