/** What `check-config --key-sources` finds: each key of a source, asked as a verifier asks at its start. */
import type { Configuration } from '../config/settings.js';
import type { CliWorld } from './command.js';

/** One key, as `--json` shows it. */
export interface KeySourceSummary {
  readonly kid: string;
  readonly source: string;
  /** Whether it has the pinned public half and signs with it. */
  readonly ok: boolean;
  /** Why not, in a sentence without subject. */
  readonly reason?: string;
}

/** Opens the sources, tests each key once, and closes them. Throws a sentence when one never can be opened. */
export async function testKeySources(
  { nowMs }: Pick<CliWorld, 'nowMs'>,
  { settings, snapshot }: Configuration,
): Promise<readonly KeySourceSummary[]> {
  const { remoteKeys, sourceOpener } = await import('../serve/key-sources/open-key-sources.js');
  const { openKeySources } = await import('../keys/open-sources.js');
  const { faultOfKey } = await import('../keys/test-key.js');
  const { fastVerifier } = await import('../crypto/engines.js');
  const opened = await openKeySources(settings.keys.sources, sourceOpener({ warn: () => undefined }));
  try {
    const byName = new Map(opened.map(({ source }) => [source.name, source]));
    const verifier = fastVerifier();
    const summaries: KeySourceSummary[] = [];
    for (const key of remoteKeys(snapshot, nowMs())) {
      const source = byName.get(key.reference.source);
      const reason = source === undefined ? 'is not open' : await faultOfKey(source, key, verifier);
      const about = { kid: key.kid, source: key.reference.source };
      summaries.push(reason === undefined ? { ...about, ok: true } : { ...about, ok: false, reason });
    }
    return summaries;
  } finally {
    await Promise.all(opened.map(({ source }) => source.close()));
  }
}

/** One line a key. */
export function keySourceLines(summaries: readonly KeySourceSummary[] = []): string[] {
  return summaries.map(({ kid, source, reason }) =>
    reason === undefined
      ? `key source: ${source}: signs with ${kid}`
      : `key source: ${source}: DOES NOT SIGN with ${kid}: ${reason}`,
  );
}
