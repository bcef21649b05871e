/** Tells the audit log what this process lives through. Nobody waits for these records; what is lost of them is counted by the log. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { AuditLog } from '../audit/audit-log.js';
import { lifeRecordLine, type LifeEvent, type LifeMembers } from '../audit/life-record.js';
import { credentialChanges, type Credential, type CredentialChange } from '../config/credential-changes.js';
import type { Configuration } from '../config/settings.js';
import { packageVersion } from '../observability/package-version.js';

/** Of `docs/audit-record.schema.json`. */
const RECORD_VERSION = 1;
/** Records that wait for each other: a log takes some thousand at once, and decisions come first. */
const RECORDS_AT_ONCE = 200;

/** What is told of a store besides its kind. */
interface StoreMembers {
  readonly name?: string | undefined;
  readonly conflict?: true | undefined;
}

export class LifeRecords {
  readonly #log: Pick<AuditLog, 'append'>;
  readonly #nowMs: () => number;

  /** `nowMs`: wall clock, Unix milliseconds. */
  constructor(log: Pick<AuditLog, 'append'>, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  started({ settings, snapshot }: Configuration, engine: string): void {
    const { generation, identities, policies } = snapshot;
    void this.#append('verifier.started', {
      record_version: RECORD_VERSION,
      version: packageVersion(),
      node: process.versions.node,
      engine,
      nonce_store: settings.nonces.store,
      generation,
      identities: identities.size,
      policies: [...policies.keys()],
    });
  }

  /** Resolves when it is written, or lost. */
  stopped(): Promise<void> {
    return this.#append('verifier.stopped', {});
  }

  refused(problems: readonly string[], causes: readonly string[]): void {
    void this.#append('configuration.refused', { causes, problems });
  }

  /** The reload, and after it each key and pin that is not as it was. */
  async reloaded(
    { generation, changes }: { readonly generation: number; readonly changes: readonly string[] },
    causes: readonly string[],
    [former, now]: readonly [Configuration, Configuration],
  ): Promise<void> {
    void this.#append('configuration.reloaded', { causes, generation, changes });
    const credentials = await credentialChanges(former.snapshot, now.snapshot, nextTurn);
    await this.#inTurn(credentials, (change) => this.#append(eventOf(change), membersOf(change, generation)));
  }

  /** A key that came, went or changed with a key set, whatever was fetched or reloaded. */
  fetchedKeys(
    changes: readonly (CredentialChange & { readonly url: string })[],
    generation: number,
  ): Promise<void> {
    const append = (change: (typeof changes)[number]): Promise<void> =>
      this.#append(eventOf(change), { ...membersOf(change, generation), key_set: change.url });
    return this.#inTurn(changes, append);
  }

  /** A key of a source does not sign, or signs (again). */
  keySource(event: `key_source.${'fault' | 'recovered'}`, members: LifeMembers): void {
    void this.#append(event, members);
  }

  /** A key set cannot be fetched any more, or not for so long that its keys do not count, or again. */
  keySet(event: `key_set.${'away' | 'stale' | 'returned'}`, members: LifeMembers): void {
    void this.#append(event, members);
  }

  /** A root key vouches for a key in memory, or does not. */
  delegation(event: 'feedback_key.delegated' | 'delegation.failed', members: LifeMembers): void {
    void this.#append(event, members);
  }

  /** `about`: which one, where there are several of the kind, and whether it contradicts us. */
  storeFault(store: string, reason: string, about: StoreMembers = {}): void {
    void this.#append('store.fault', { store, ...about, reason });
  }

  storeRecovered(store: string, about: StoreMembers = {}): void {
    void this.#append('store.recovered', { store, ...about });
  }

  clockStepped(store: string, steps: number, reason: string | undefined): void {
    void this.#append('clock.stepped', { store, steps, reason });
  }

  /** An entry of `reportOnly` came into force, or is none any more. */
  reportOnly(event: 'report_only.began' | 'report_only.ended', entry: LifeMembers): void {
    void this.#append(event, entry);
  }

  async #inTurn<Change>(
    changes: readonly Change[],
    append: (change: Change) => Promise<void>,
  ): Promise<void> {
    for (let at = 0; at < changes.length; at += RECORDS_AT_ONCE)
      await Promise.all(changes.slice(at, at + RECORDS_AT_ONCE).map(append));
  }

  /** What a schedule did to a feedback key, or could not do. */
  keyRotation(event: LifeEvent, members: LifeMembers): void {
    void this.#append(event, members);
  }

  async #append(event: LifeEvent, members: LifeMembers): Promise<void> {
    const line = lifeRecordLine(this.#nowMs(), event, { pid: process.pid, ...members });
    await this.#log.append(line).catch(() => undefined);
  }
}

function eventOf({ credential, how }: CredentialChange): LifeEvent {
  return `${credential.kind}.${how}`;
}

function membersOf({ credential, owner }: CredentialChange, generation: number): LifeMembers {
  const { kind, kid, purposes, sha256, name, authority, notBeforeMs, notAfterMs } = credential;
  return {
    generation,
    [OWNERS[kind]]: owner,
    kid,
    purposes,
    [hashMember(credential)]: sha256,
    name,
    ...(authority === undefined ? {} : { authority }),
    not_before: dateOf(notBeforeMs),
    not_after: dateOf(notAfterMs),
  };
}

const OWNERS = {
  key: 'identity',
  certificate: 'identity',
  certificate_name: 'identity',
  feedback_key: 'tenant',
  authority: 'authority',
} as const;

function hashMember({ kind, of }: Credential): string {
  if (of === 'spki') return 'spki_sha256';
  return of === 'certificate' || kind === 'authority' ? 'cert_sha256' : 'key_sha256';
}

/** Undefined where there is no bound. */
function dateOf(ms: number): string | undefined {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
