/** What `check-config` says of key sets: how many there are, and with `--fetch-key-sets` which of their keys would count now. */
import type { Configuration } from '../config/settings.js';
import { writePublicJwk } from '../crypto/jwk.js';
import { parsePublicKey } from '../crypto/public-key.js';
import { KeySetClient } from '../keys/key-sets/fetch-key-set.js';
import { selectKeys } from '../keys/key-sets/select-keys.js';
import type { KeySetSettings } from '../keys/key-sets/settings.js';

/** One set that was fetched. */
export interface KeySetSummary {
  readonly identity: string;
  readonly url: string;
  /** Why it could not be fetched, in words whose subject is the server; null where it was. */
  readonly fault: string | null;
  readonly kids: readonly string[];
  readonly refused: readonly { readonly kid: string; readonly thumbprint: string; readonly reason: string }[];
  /** What is published besides, by thumbprint. */
  readonly not_pinned: readonly { readonly kid: string; readonly thumbprint: string }[];
}

/** Of one set: many producers may share it. */
const MAX_NOT_PINNED = 10;

/** Fetches each set once, one after the other, as the server would. */
export async function fetchKeySets({ settings, snapshot }: Configuration): Promise<KeySetSummary[]> {
  const found: KeySetSummary[] = [];
  for (const set of settings.keySets ?? []) {
    const configured = snapshot.identities.get(set.identity)?.keys ?? [];
    found.push(await fetchOne(set, configured));
  }
  return found;
}

async function fetchOne(
  settings: KeySetSettings,
  configured: Parameters<typeof selectKeys>[1],
): Promise<KeySetSummary> {
  const { identity, url } = settings;
  const client = new KeySetClient(settings);
  const answer = await client.fetch(undefined);
  client.close();
  if (answer.kind !== 'new')
    return {
      identity,
      url,
      fault: answer.kind === 'failed' ? answer.reason : 'says nothing',
      kids: [],
      refused: [],
      not_pinned: [],
    };
  const published = new Map(answer.keys.map((key) => [key.thumbprint, key]));
  const judge = {
    judge: ({ raw }: { readonly raw: Uint8Array }) => {
      const result = parsePublicKey(writePublicJwk(raw));
      return result.ok ? result.key : undefined;
    },
    // The loader has held every thumbprint against the other keys.
    otherUseOf: () => undefined,
  };
  const [selected] = selectKeys([{ settings, published, staleMs: Infinity }], configured, judge);
  const { keys = [], refused = [] } = selected ?? {};
  const others = answer.keys.filter(({ thumbprint }) => !settings.thumbprints.includes(thumbprint));
  const notPinned = others.slice(0, MAX_NOT_PINNED).map(({ kid, thumbprint }) => ({ kid, thumbprint }));
  return { identity, url, fault: null, kids: keys.map(({ kid }) => kid), refused, not_pinned: notPinned };
}

/** As lines of text, without their ends. */
export function keySetLines(
  { settings: { keySets = [] } }: Configuration,
  fetched: readonly KeySetSummary[] | undefined,
): string[] {
  if (fetched === undefined)
    return keySets.map(
      ({ identity, url, thumbprints }) =>
        `key set: ${identity}: ${url}, ${thumbprints.length} thumbprints pinned (not fetched)`,
    );
  return fetched.flatMap(({ identity, url, fault, kids, refused, not_pinned: notPinned }) => [
    `key set: ${identity}: ${url}: ${fault === null ? `counts now: ${kids.length === 0 ? 'NO KEY' : kids.join(', ')}` : `its server ${fault}`}`,
    ...refused.map(({ kid, reason }) => `key set: ${identity}: DOES NOT COUNT: ${kid} ${reason}`),
    ...notPinned.map(
      ({ kid, thumbprint }) => `key set: ${identity}: published, and not pinned: ${kid} ${thumbprint}`,
    ),
  ]);
}
