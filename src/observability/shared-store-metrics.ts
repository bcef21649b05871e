/** How a nonce store behind a network does: its circuit breaker, and claims whose outcome was not known in time. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { NonceStore, SharedStoreFigures } from '../nonces/nonce-store.js';

const BREAKER_STATES = ['closed', 'half_open', 'open'] as const;

/** Registers the metrics of a store that has figures; nothing for any other. */
export function addSharedStoreMetrics(registry: Registry, store: NonceStore): void {
  if (store.figures === undefined) return;
  const read = (): SharedStoreFigures | undefined => store.figures?.();
  new Gauge({
    name: 'countersign_nonce_breaker',
    help: '1 for the state that the circuit breaker is in.',
    labelNames: ['store', 'state'],
    registers: [registry],
    collect() {
      const breaker = read()?.breaker;
      for (const state of BREAKER_STATES) this.set({ store: store.name, state }, state === breaker ? 1 : 0);
    },
  });
  new Gauge({
    name: 'countersign_nonce_withdrawals_owed',
    help: 'Claims of unknown outcome that wait for the store to be taken back.',
    labelNames: ['store'],
    registers: [registry],
    collect() {
      this.set({ store: store.name }, read()?.withdrawalsOwed ?? 0);
    },
  });
  const count = (name: string, help: string, value: (figures: SharedStoreFigures) => number): void => {
    new Counter({
      name,
      help,
      labelNames: ['store'],
      registers: [registry],
      collect() {
        const figures = read();
        this.reset();
        if (figures !== undefined) this.inc({ store: store.name }, value(figures));
      },
    });
  };
  count(
    'countersign_nonce_unknown_outcomes_total',
    'Claims of which it was not known in time whether they were made.',
    ({ unknownOutcomes }) => unknownOutcomes,
  );
  count(
    'countersign_nonce_withdrawals_total',
    'Claims that were taken back.',
    ({ withdrawals }) => withdrawals,
  );
  count(
    'countersign_nonce_state_losses_total',
    'Times at which claims may have been lost and the floor was raised.',
    ({ stateLosses }) => stateLosses,
  );
}
