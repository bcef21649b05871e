/**
 * The key sets of identities. What they will bring is known by its thumbprints alone, so everything that is asked of a key
 * is asked of those: whose it is, and that it is for requests and nothing else (docs/security-requirements.md#4).
 */
import { jwkThumbprint } from '../../crypto/public-key.js';
import { quoteText } from '../../json/escape-text.js';
import type { KeySetSettings } from '../../keys/key-sets/settings.js';
import type { Snapshot } from '../../verify/snapshot.js';
import type { IdentityInput } from '../schema/identity.js';
import { MAX_KEYS, type KeySetInput } from '../schema/key-set.js';
import type { ConfigurationInput } from '../schema/schema.js';
import { keysOfOtherUses } from '../other-uses.js';
import type { AuditSettings } from '../settings.js';
import { readAuthority, serverUrl } from './audit-holders.js';
import type { ConfigurationNode, LoadContext } from './context.js';

/** Each is fetched by each worker. */
const MAX_URLS = 1_000;

/** What the sets are held against. */
interface KeySetSurroundings {
  readonly snapshot: Pick<Snapshot, 'identities' | 'feedback'>;
  readonly audit: AuditSettings;
}

/** All sets of identities that are not revoked; faults are noted. */
export function compileKeySets(
  { identities }: ConfigurationInput,
  surroundings: KeySetSurroundings,
  load: LoadContext,
): readonly KeySetSettings[] {
  const all: KeySetSettings[] = [];
  // Thumbprints of configured keys are not computed for those who have no use for them.
  if (identities.every(({ keySets }) => keySets.length === 0)) return all;
  const judge = new ThumbprintJudge(surroundings);
  identities.forEach((identity, index) => {
    const node = load.at('identities', index, 'keySets');
    if (!identity.revoked) judgeNumber(identity, node);
    const urls = new Set<string>();
    identity.keySets.forEach((input, at) => {
      const set = compileKeySet(identity.name, input, node.at(at));
      if (set === undefined) return;
      if (urls.has(set.url)) node.at(at, 'url').problem('stands twice', 'put all thumbprints into one entry');
      urls.add(set.url);
      judge.judge(set, node.at(at, 'thumbprints'));
      if (!identity.revoked) all.push(set);
    });
  });
  if (new Set(all.map(({ url }) => url)).size > MAX_URLS)
    load
      .at('identities')
      .problem(`name more than ${MAX_URLS} URLs of key sets`, 'publish the keys of several in one set');
  return all;
}

/** A request without a kid is held against every key of its identity. */
function judgeNumber({ keys, keySets }: IdentityInput, node: ConfigurationNode): void {
  const pinned = keySets.reduce((sum, { thumbprints }) => sum + thumbprints.length, 0);
  if (keys.length + pinned > MAX_KEYS)
    node.problem(
      `pin ${pinned} thumbprints beside ${keys.length} keys, and an identity may have ${MAX_KEYS} in all`,
      'take out those that are not used any more',
    );
}

function compileKeySet(
  identity: string,
  { url: text, caFile, ...others }: KeySetInput,
  node: ConfigurationNode,
): KeySetSettings | undefined {
  const { thumbprints, purposes, refreshSeconds, maxStaleSeconds } = others;
  if (new Set(thumbprints).size < thumbprints.length)
    node.at('thumbprints').problem('names a thumbprint twice', 'name each thumbprint once');
  if (new Set(purposes).size < purposes.length)
    node.at('purposes').problem('names a purpose twice', 'name each purpose once');
  if (maxStaleSeconds < 2 * refreshSeconds)
    node
      .at('maxStaleSeconds')
      .problem(
        `is less than twice refreshSeconds (${refreshSeconds}): one fetch that fails would end the keys`,
        'raise it, or lower refreshSeconds',
      );
  const url = serverUrl(text, node.at('url'), 'https://producer.example/keys.json');
  const authority = readAuthority(caFile, node.at('caFile'));
  return url && { identity, url: url.href, authority, ...others };
}

/** Whose a thumbprint is besides. */
class ThumbprintJudge {
  /** By thumbprint, in words. */
  readonly #others = new Map<string, string>();
  readonly #owners = new Map<string, string>();

  constructor({ snapshot: { identities, feedback }, audit }: KeySetSurroundings) {
    for (const [raw, what] of keysOfOtherUses(feedback, audit)) this.#others.set(jwkThumbprint(raw), what);
    for (const { name, keys } of identities.values())
      for (const { publicKey } of keys) this.#owners.set(jwkThumbprint(publicKey.raw), name);
  }

  judge({ identity, thumbprints }: KeySetSettings, node: ConfigurationNode): void {
    thumbprints.forEach((thumbprint, index) => {
      const other = this.#others.get(thumbprint);
      if (other !== undefined)
        node
          .at(index)
          .problem(
            `is ${other}: who can query could forge it`,
            'pin keys that sign requests, and nothing else',
          );
      const owner = this.#owners.get(thumbprint) ?? identity;
      this.#owners.set(thumbprint, owner);
      if (owner !== identity)
        node.at(index).warn(`${quoteText(identity)} pins the thumbprint of a key of ${quoteText(owner)}`);
    });
  }
}
