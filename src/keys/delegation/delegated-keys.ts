/** The keys in memory of every signing domain that delegates, put over the configuration in force. */
import type { LocalFeedbackKey } from '../../feedback/feedback-key.js';
import type { FeedbackSettings, SigningDomain } from '../../feedback/feedback-settings.js';
import { DelegatedDomain, type DelegationTools } from './delegated-domain.js';

/** One domain: its keys in memory, and whether its root did not vouch for one when it was asked last. */
export interface DelegationLook {
  readonly tenant: string | undefined;
  readonly keys: readonly LocalFeedbackKey[];
  readonly isFailing: boolean;
}

export class DelegatedKeys {
  readonly #tools: DelegationTools;
  readonly #domains = new Map<string | undefined, DelegatedDomain>();
  #former:
    | { readonly loaded: FeedbackSettings; readonly keys: string; readonly extended: FeedbackSettings }
    | undefined;

  constructor(tools: DelegationTools) {
    this.#tools = tools;
  }

  /**
   * The settings with the keys in memory in the place of those that vouch for them; as they are where no domain delegates.
   * The same object as long as nothing has changed. Keys in memory stay while their root and
   * the lifetime do.
   */
  extend(loaded: FeedbackSettings | undefined): FeedbackSettings | undefined {
    const delegating = [...domainsOf(loaded)].filter(([, { delegation }]) => delegation !== undefined);
    this.#follow(new Map(delegating));
    if (loaded === undefined || delegating.length === 0) return loaded;
    const keys = [...this.#domains.values()].flatMap((domain) => domain.keys.map(({ kid }) => kid)).join();
    if (this.#former?.loaded === loaded && this.#former.keys === keys) return this.#former.extended;
    const extended = Object.freeze({
      ...loaded,
      defaultDomain: this.#extendDomain(undefined, loaded.defaultDomain),
      tenantDomains: new Map(
        [...loaded.tenantDomains].map(([tenant, domain]) => [tenant, this.#extendDomain(tenant, domain)]),
      ),
    });
    this.#former = { loaded, keys, extended };
    return extended;
  }

  /** How each domain that delegates is. */
  look(): readonly DelegationLook[] {
    return [...this.#domains].map(([tenant, { keys, isFailing }]) => ({ tenant, keys, isFailing }));
  }

  close(): void {
    for (const domain of this.#domains.values()) domain.close();
    this.#domains.clear();
  }

  #extendDomain(tenant: string | undefined, domain: SigningDomain): SigningDomain {
    const delegated = this.#domains.get(tenant);
    return delegated === undefined ? domain : Object.freeze({ ...domain, keys: delegated.keys });
  }

  #follow(wanted: ReadonlyMap<string | undefined, SigningDomain>): void {
    for (const [tenant, domain] of this.#domains) {
      const delegation = wanted.get(tenant)?.delegation;
      if (delegation?.lifetimeMs === domain.lifetimeMs) {
        domain.follow(delegation);
        continue;
      }
      domain.close();
      this.#domains.delete(tenant);
    }
    for (const [tenant, { delegation }] of wanted)
      if (delegation !== undefined && !this.#domains.has(tenant))
        this.#domains.set(tenant, new DelegatedDomain(tenant, delegation, this.#tools));
  }
}

function* domainsOf(
  settings: FeedbackSettings | undefined,
): Generator<readonly [tenant: string | undefined, domain: SigningDomain]> {
  if (settings === undefined) return;
  yield [undefined, settings.defaultDomain];
  yield* settings.tenantDomains;
}
