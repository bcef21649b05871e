/** A store that cannot be opened as configured; `message` names the setting or the path, and the remedy. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
}
