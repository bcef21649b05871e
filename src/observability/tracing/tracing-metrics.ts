/** What becomes of traces and their spans: losses are counted, as they are told of by nobody else. */
import { Counter, type Registry } from 'prom-client';
import { addCounter, addGauge } from '../metric-kinds.js';
import type { Sampling } from './sampling.js';
import { SPAN_OUTCOMES, type SpanQueue } from './span-queue.js';

/** Registers what is read when somebody scrapes. */
export function addTracingMetrics(
  registry: Registry,
  queue: Pick<SpanQueue<unknown>, 'count' | 'waiting'>,
  sampling: Pick<Sampling, 'limited'>,
): void {
  new Counter({
    name: 'countersign_trace_spans_total',
    help: 'Spans by what became of them: sent, or lost.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const outcome of SPAN_OUTCOMES) this.inc({ outcome }, queue.count(outcome));
    },
  });
  addGauge(registry, {
    name: 'countersign_trace_spans_waiting',
    help: 'Spans that wait to be sent.',
    read: () => queue.waiting,
  });
  addCounter(registry, {
    name: 'countersign_traces_limited_total',
    help: 'Checks that were not traced because there were too many in that second.',
    read: () => sampling.limited,
  });
}
