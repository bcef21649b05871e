/** How keys in memory stand that root keys vouch for: the facts of `/status`, and metrics from which an alert is made. */
import { Gauge, type Registry } from 'prom-client';
import type { DelegatedKeys, DelegationLook } from '../keys/delegation/delegated-keys.js';
import { lowest } from './lowest.js';

/** Of `/status`. */
const MAX_DESCRIBED = 100;

/** For `/status`; undefined where no domain delegates. */
export function describeDelegation(
  looks: readonly DelegationLook[],
): Readonly<Record<string, unknown>> | undefined {
  if (looks.length === 0) return undefined;
  const domains = worstOff(looks, MAX_DESCRIBED).map(({ tenant, keys, isFailing }) => ({
    domain: tenant ?? 'default',
    failing: isFailing,
    keys: keys.map(({ kid, notBeforeMs, notAfterMs }) => ({
      kid,
      not_before: new Date(notBeforeMs).toISOString(),
      not_after: new Date(notAfterMs).toISOString(),
    })),
  }));
  return { count: looks.length, domains };
}

/** Those that fail, and then those whose keys end first. */
function worstOff(looks: readonly DelegationLook[], most: number): readonly DelegationLook[] {
  return lowest(looks, most, (look) => (look.isFailing ? -1 : lastEndMs(look)));
}

/** Unix milliseconds; 0 where there is no key. */
function lastEndMs({ keys }: DelegationLook): number {
  return Math.max(0, ...keys.map(({ notAfterMs }) => notAfterMs));
}

/** As many samples as domains may be told apart at a scrape: those that are worst off, so that an alert has them. */
const MAX_SHOWN = 1_000;

/** None where no domain delegates. */
export function addDelegationMetrics(registry: Registry, keys: Pick<DelegatedKeys, 'look'>): void {
  const gauge = (name: string, help: string, valueOf: (look: DelegationLook) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['domain'],
      registers: [registry],
      aggregator: 'min',
      collect() {
        this.reset();
        for (const look of worstOff(keys.look(), MAX_SHOWN))
          this.set({ domain: look.tenant ?? 'default' }, valueOf(look));
      },
    });
  };
  gauge(
    'countersign_delegation_up',
    '1 while the root key of a signing domain has vouched for a key in memory when it was asked last.',
    ({ isFailing }) => (isFailing ? 0 : 1),
  );
  gauge(
    'countersign_delegated_key_end_timestamp_seconds',
    'When the last key in memory that a root key vouches for ends, by signing domain; 0 where there is none.',
    (look) => lastEndMs(look) / 1000,
  );
}
