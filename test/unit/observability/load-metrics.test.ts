import { Registry } from 'prom-client';
import { LoadMetrics } from '../../../src/observability/load-metrics.js';

describe('the load metrics', () => {
  it('show what waits and is held when they are read, waits in seconds, and sheds by reason', async () => {
    const registry = new Registry();
    const metrics = new LoadMetrics(registry);
    expect(await registry.metrics()).toContain('countersign_queue_calls 0');
    const source = { waiting: 3, heldBytes: 4_096 };
    metrics.follow(source);
    metrics.waited(2);
    metrics.shed('deadline');
    metrics.shed('deadline');
    source.waiting = 5;
    const shown = await registry.metrics();
    for (const line of [
      'countersign_queue_calls 5',
      'countersign_held_bytes 4096',
      'countersign_queue_wait_seconds_bucket{le="0.0025",outcome="begun"} 1',
      'countersign_calls_shed_total{reason="deadline"} 2',
      'countersign_calls_shed_total{reason="queue_full"} 0',
    ])
      expect(shown).toContain(line);
  });
});
