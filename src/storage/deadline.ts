/** How long something is waited for, without a standstill of our own process counting against whoever has answered. */

/**
 * Calls `onLate` after `milliseconds`, unless the returned function is called before. What has arrived by then is
 * read first: after a stall of the event loop every timer is due before any answer has been looked at. What is waited
 * for goes on by itself, for a late answer still says what has to be taken back.
 */
export function deadline(milliseconds: number, onLate: () => void): () => void {
  let immediate: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => {
    immediate = setImmediate(onLate);
  }, milliseconds);
  return () => {
    clearTimeout(timer);
    clearImmediate(immediate);
  };
}

/** Rejects when `work` has not settled after `milliseconds`, with an error that says so. */
export async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let cancel: (() => void) | undefined;
  const late = new Promise<never>((_, reject) => {
    cancel = deadline(milliseconds, () => reject(new Error(`no answer within ${milliseconds} ms`)));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel?.();
  }
}
