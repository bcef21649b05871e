/** Asking the admin port. Only a path of its own, only for reading, and never for long. */

/** A busy machine answers late; one that is away never. */
const PATIENCE_MILLISECONDS = 8_000;

/**
 * @param {string} path relative to the page
 * @param {Readonly<Record<string, string>>} [query]
 * @param {number} [patience] milliseconds
 * @returns {Promise<any>}
 */
export async function ask(path, query = {}, patience = PATIENCE_MILLISECONDS) {
  const search = new URLSearchParams(query).toString();
  const response = await fetch(search === '' ? path : `${path}?${search}`, {
    cache: 'no-store',
    credentials: 'omit',
    signal: AbortSignal.timeout(patience),
  });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

/**
 * Calls it once nothing more was typed for a moment.
 * @param {() => void} run
 */
export function afterTyping(run) {
  /** @type {number | undefined} */
  let timer;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, 250);
  };
}
