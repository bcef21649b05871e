/** Keys in memory of one process, from the settings to the snapshot: vouched for by root keys, put over the configuration in force, and told of. */
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { fastVerifier } from '../crypto/engines.js';
import type { Signer } from '../crypto/signing.js';
import type { SignWithKey } from '../feedback/sign-answer.js';
import { DelegatedKeys, type DelegationLook } from '../keys/delegation/delegated-keys.js';
import { addDelegationMetrics } from '../observability/delegation-view.js';
import { ownTurns, Paced } from '../keys/delegation/pace.js';
import type { DelegationOutcome, DelegationTools } from '../keys/delegation/delegated-domain.js';
import { settled } from '../keys/test-key.js';
import { systemClock as clock } from './clocks.js';
import type { LifeRecords } from './life-records.js';
import type { Extend, LiveConfiguration } from './reload/live-configuration.js';

/** What it works with. */
interface DelegationOptions {
  readonly live: LiveConfiguration;
  readonly logger: Logger;
  readonly life: Pick<LifeRecords, 'delegation'>;
  readonly registry: Registry;
  /** With keys of files at once, with those of sources through these. */
  readonly sign: SignWithKey;
  readonly signer: Signer;
}

/** Keys in memory that are followed. */
export interface DelegationInForce {
  readonly look: () => readonly DelegationLook[];
  readonly close: () => void;
}

/** Begins at once; from now on `live` has the keys in memory. */
export function followDelegation({
  live,
  logger,
  life,
  registry,
  sign,
  signer,
}: DelegationOptions): DelegationInForce {
  const report = new DelegationReport(logger, life);
  const renewal = new Paced(() => live.extendBy(extend), clock.monotonicMs);
  const keys = new DelegatedKeys({
    sign: vouchingBy(sign),
    verifier: fastVerifier(),
    agrees: (key) => key.agreesWith(signer),
    ownTurn: ownTurns(),
    nowMs: clock.nowMs,
    onOutcome: (tenant, outcome) => {
      report.tell(tenant, outcome);
      renewal.ask();
    },
  });
  const extend: Extend = (configuration) => {
    const { snapshot } = configuration;
    const feedback = keys.extend(snapshot.feedback);
    if (feedback === snapshot.feedback) return configuration;
    return Object.freeze({ ...configuration, snapshot: Object.freeze({ ...snapshot, feedback }) });
  };
  live.extendBy(extend);
  addDelegationMetrics(registry, keys);
  return {
    look: () => keys.look(),
    close() {
      renewal.close();
      keys.close();
    },
  };
}

function vouchingBy(sign: SignWithKey): DelegationTools['sign'] {
  return (root, message, tenant) =>
    settled(async () => {
      const signed = await sign(root, message, tenant);
      if (!('code' in signed)) return { ok: true, bytes: signed };
      return { ok: false, fault: 'away', reason: signed.detail };
    });
}

/** At the start a source is still being tested when it is asked first; this is a second or two later. */
const TOLD_AFTER_TRIES = 3;

/** A root that is away is told of once, and when it is back. */
class DelegationReport {
  readonly #logger: Logger;
  readonly #life: Pick<LifeRecords, 'delegation'>;
  readonly #failing = new Set<string | undefined>();

  constructor(logger: Logger, life: Pick<LifeRecords, 'delegation'>) {
    this.#logger = logger;
    this.#life = life;
  }

  tell(tenant: string | undefined, outcome: DelegationOutcome): void {
    const root_kid = outcome.rootKid;
    if (outcome.ok) {
      this.#failing.delete(tenant);
      const { kid, publicKey, notBeforeMs, notAfterMs } = outcome.key;
      this.#life.delegation('feedback_key.delegated', {
        tenant,
        root_kid,
        kid,
        key_sha256: publicKey.fingerprint,
        not_before: new Date(notBeforeMs).toISOString(),
        not_after: new Date(notAfterMs).toISOString(),
      });
      this.#logger.info(
        { tenant, root_kid, kid, not_after: new Date(notAfterMs).toISOString() },
        'a root key vouches for a key in memory',
      );
      return;
    }
    if (this.#failing.has(tenant) || outcome.tries < TOLD_AFTER_TRIES) return;
    this.#failing.add(tenant);
    const { reason } = outcome;
    this.#life.delegation('delegation.failed', { tenant, root_kid, reason });
    this.#logger.error(
      { tenant, root_kid, reason },
      'no key in memory is vouched for: it is tried again, and when the last one has ended answers are withheld',
    );
  }
}
