/** Opens the sources of the configuration; the code of each kind is loaded where one is configured, and nowhere else. */
import type { KeySource } from './key-source.js';
import type { KeySourceSettings } from './settings.js';
import type { OpenSource } from './signing-sources.js';
import type { VaultSurroundings } from './vault/session.js';

/** How a source is opened; one that is away is opened all the same. Throws a sentence when it never can be. */
export type OpenKeySource = (settings: KeySourceSettings) => Promise<KeySource>;

/** All of them, or none. */
export async function openKeySources(
  settings: readonly KeySourceSettings[],
  open: OpenKeySource,
): Promise<readonly OpenSource[]> {
  const opened: OpenSource[] = [];
  try {
    for (const one of settings)
      opened.push({ source: await open(one), timeoutMilliseconds: one.timeoutMilliseconds });
    return opened;
  } catch (error) {
    await Promise.all(opened.map(({ source }) => source.close()));
    throw error;
  }
}

/** How those of the field are opened. */
export function opener(surroundings: VaultSurroundings): OpenKeySource {
  return async (settings) => {
    if (settings.kind === 'pkcs11') return (await import('./pkcs11/source.js')).openPkcs11Source(settings);
    return (await import('./vault/source.js')).openVaultSource(settings, surroundings);
  };
}
