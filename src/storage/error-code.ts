/** The system's name of an error (`ENOENT`), for those who decide by it. */

/** Undefined for what is not an error of the system. */
export function systemErrorCode(error: unknown): string | undefined {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error;
  return hasCode && typeof error.code === 'string' ? error.code : undefined;
}
