/** What waits, for how long, and what was shed: a verifier that is too small shows here first. */
import { Counter, type Registry } from 'prom-client';
import type { LoadObserver } from '../grpc/call-scheduler.js';
import { SHED_REASONS, type ShedReason } from '../grpc/method.js';
import { addGauge, HistogramTable } from './metric-kinds.js';

/** Where the present state is read when somebody scrapes. */
interface LoadSource {
  readonly waiting: number;
  readonly heldBytes: number;
}

const NOTHING: LoadSource = { waiting: 0, heldBytes: 0 };

/** Told by the transport of each call that could not be begun at once. */
export class LoadMetrics implements LoadObserver {
  readonly #shed: Counter<'reason'>;
  readonly #refusedByHttp2: Counter;
  readonly #onUnseen: () => void;
  #isTold = false;
  readonly #waits: HistogramTable<'begun'>;
  #source: LoadSource = NOTHING;

  /** `onUnseen` is called for the first stream that ended below our code, for the log. */
  constructor(registry: Registry, onUnseen: () => void = () => undefined) {
    this.#onUnseen = onUnseen;
    this.#shed = new Counter({
      name: 'countersign_calls_shed_total',
      help: 'Calls that were not begun: queue_full, bytes, deadline (each answered 503), or cancelled by the caller.',
      labelNames: ['reason'],
      registers: [registry],
    });
    // A counter that first appears with what it counted shows no increase: alerts would miss the first ones.
    for (const reason of SHED_REASONS) this.#shed.inc({ reason }, 0);
    this.#refusedByHttp2 = new Counter({
      name: 'countersign_streams_refused_total',
      help: 'Streams that HTTP/2 refused below the verifier, such as those whose :authority is no host name.',
      registers: [registry],
    });
    this.#waits = new HistogramTable(registry, {
      name: 'countersign_queue_wait_seconds',
      help: 'Time in the queue of calls that could not be begun at once.',
      labels: 'outcome',
    });
    const gauge = (name: string, help: string, read: () => number): void =>
      addGauge(registry, { name, help, read });
    gauge('countersign_queue_calls', 'Calls that wait for their turn.', () => this.#source.waiting);
    gauge('countersign_held_bytes', 'Bytes of calls that are here.', () => this.#source.heldBytes);
  }

  /** From now on the gauges show this server. */
  follow(source: LoadSource): void {
    this.#source = source;
  }

  waited(milliseconds: number): void {
    this.#waits.observe('begun', milliseconds / 1000);
  }

  refusedByHttp2(streams: number): void {
    this.#refusedByHttp2.inc(streams);
    if (!this.#isTold) this.#onUnseen();
    this.#isTold = true;
  }

  shed(reason: ShedReason): void {
    this.#shed.inc({ reason });
  }
}
