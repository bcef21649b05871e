/** Tells log and audit log which keys come and go with key sets, which of them do not count, and when a set cannot be fetched. */
import type { Logger } from 'pino';
import type { CredentialChange } from '../../config/credential-changes.js';
import type { RefusedKey } from '../../keys/key-sets/select-keys.js';
import type { KeySetState } from '../../observability/key-sets-view.js';
import type { VerificationKey } from '../../verify/snapshot.js';
import type { LifeRecords } from '../life-records.js';
import type { KeySetInForce } from './key-set-overlay.js';

interface Tools {
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly life: Pick<LifeRecords, 'fetchedKeys' | 'keySet'>;
}

/** How a URL stands for the first of its identities that is worse off. */
type Standing = 'pending' | 'good' | 'away' | 'stale';

export class KeySetReport {
  readonly #tools: Tools;
  #told: ReadonlyMap<string, KeySetInForce> = new Map();
  #standings: ReadonlyMap<string, Standing> = new Map();

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** What is in force now, after a fetch or a reload; only what has changed is told. */
  changed(inForce: readonly KeySetInForce[], generation: number): void {
    const now = new Map(inForce.map((set) => [nameOf(set), set]));
    const changes: (CredentialChange & { readonly url: string })[] = [];
    for (const [name, set] of now) {
      const former = this.#told.get(name);
      if (former === set) continue;
      changes.push(...changesOf(former, set));
      this.#tellRefused(former?.refused ?? [], set);
    }
    for (const [name, set] of this.#told)
      if (!now.has(name)) changes.push(...changesOf(set, { ...set, keys: [] }));
    this.#told = now;
    for (const { how, owner, credential, url } of changes)
      this.#tools.logger.info(
        { identity: owner, kid: credential.kid, key_set: url },
        `a key of a key set was ${how}`,
      );
    if (changes.length > 0) void this.#tools.life.fetchedKeys(changes, generation);
  }

  #tellRefused(former: readonly RefusedKey[], { settings, refused }: KeySetInForce): void {
    const before = new Set(former.map(refusalText));
    const { identity, url } = settings;
    for (const one of refused)
      if (!before.has(refusalText(one)))
        this.#tools.logger.error(
          { identity, key_set: url, ...one },
          'A PINNED KEY OF A KEY SET DOES NOT COUNT',
        );
  }

  /** Called by a timer: whether sets can be fetched, told when that changes. */
  look(states: readonly KeySetState[], nowMs: number): void {
    const now = new Map<string, Standing>();
    const users = new Map<string, KeySetState[]>();
    for (const state of states) {
      const { url } = state.settings;
      users.set(url, [...(users.get(url) ?? []), state]);
      now.set(url, worse(now.get(url), standingOf(state, nowMs)));
    }
    for (const [url, standing] of now) {
      const before = this.#standings.get(url) ?? 'pending';
      if (standing !== before) this.#tellStanding([before, standing], url, users.get(url) ?? []);
    }
    this.#standings = now;
  }

  #tellStanding(
    [before, standing]: readonly [Standing, Standing],
    url: string,
    users: readonly KeySetState[],
  ): void {
    const identities = users.map(({ settings }) => settings.identity);
    const reason = users.find(({ fault }) => fault !== undefined)?.fault;
    const { logger, life } = this.#tools;
    if (standing === 'good') {
      if (before === 'pending') return;
      logger.info({ key_set: url, identities }, 'a key set is fetched again');
      life.keySet('key_set.returned', { key_set: url, identities });
    } else if (standing === 'away') {
      logger.warn(
        { key_set: url, identities, reason },
        'a key set cannot be fetched; the last good one counts on',
      );
      life.keySet('key_set.away', { key_set: url, identities, reason });
    } else if (standing === 'stale') {
      logger.error(
        { key_set: url, identities, reason },
        'THE KEYS OF A KEY SET DO NOT COUNT: it cannot be fetched',
      );
      life.keySet('key_set.stale', { key_set: url, identities, reason });
    }
  }
}

const ORDER: readonly Standing[] = ['pending', 'good', 'away', 'stale'];

function worse(one: Standing | undefined, other: Standing): Standing {
  return one === undefined || ORDER.indexOf(other) > ORDER.indexOf(one) ? other : one;
}

function standingOf({ isPending, fault, staleMs }: KeySetState, nowMs: number): Standing {
  if (isPending) return 'pending';
  if (nowMs >= staleMs) return 'stale';
  return fault === undefined ? 'good' : 'away';
}

function nameOf({ settings: { identity, url } }: KeySetInForce): string {
  return `${identity} ${url}`;
}

function refusalText({ thumbprint, reason }: RefusedKey): string {
  return `${thumbprint} ${reason}`;
}

function changesOf(
  former: KeySetInForce | undefined,
  { settings, keys }: KeySetInForce,
): (CredentialChange & { readonly url: string })[] {
  const { identity: owner, url } = settings;
  const [before, after] = [former?.keys ?? [], keys].map(
    (all) => new Map(all.map((key) => [keyName(key), key])),
  );
  const change = (how: CredentialChange['how'], key: VerificationKey) => ({
    how,
    owner,
    url,
    credential: credentialOf(key),
  });
  const came = [...(after ?? [])].flatMap(([name, key]) => {
    const known = before?.get(name);
    if (known === undefined) return [change('added', key)];
    return isSame(known, key) ? [] : [change('changed', key)];
  });
  const went = [...(before ?? [])].filter(([name]) => after?.has(name) !== true);
  return [...came, ...went.map(([, key]) => change('removed', key))];
}

function keyName({ kid, publicKey }: VerificationKey): string {
  return `${kid} ${publicKey.fingerprint}`;
}

/** As the set says it: that it counts for longer after every fetch is no change. */
function credentialOf({
  kid,
  purposes,
  publicKey,
  notBeforeMs,
  notAfterMs,
  fetched,
}: VerificationKey): CredentialChange['credential'] {
  const endMs = fetched?.notAfterMs ?? notAfterMs;
  return { kind: 'key', kid, purposes, sha256: publicKey.fingerprint, notBeforeMs, notAfterMs: endMs };
}

function isSame(one: VerificationKey, other: VerificationKey): boolean {
  return JSON.stringify(credentialOf(one)) === JSON.stringify(credentialOf(other));
}
