/** Who was not taken on the TCP listener, and why: a secret that was changed on one side alone shows here first. */
import { Counter, type Registry } from 'prom-client';
import type { TcpRefusal } from '../grpc/tcp-listener.js';

export class TcpMetrics {
  readonly #refused: Counter<'reason'>;
  readonly #onFirst: (reason: TcpRefusal) => void;
  readonly #told = new Set<TcpRefusal>();

  /** `onFirst` is called for the first of each reason, for the log. */
  constructor(registry: Registry, onFirst: (reason: TcpRefusal) => void) {
    this.#onFirst = onFirst;
    this.#refused = new Counter({
      name: 'countersign_tcp_refused_total',
      help: 'Not taken on listen.tcp: handshake and client_name (TLS), secret (calls), connections and rate (bounds on strangers).',
      labelNames: ['reason'],
      registers: [registry],
    });
  }

  refused(reason: TcpRefusal): void {
    this.#refused.inc({ reason });
    if (this.#told.has(reason)) return;
    this.#told.add(reason);
    this.#onFirst(reason);
  }
}
