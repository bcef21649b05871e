import { Registry } from 'prom-client';
import { FeedbackMetrics } from '../../../src/observability/decision-metrics.js';

describe('the metrics of answers', () => {
  it('count by policy and code, and time each stage and all of them', async () => {
    const registry = new Registry();
    const metrics = new FeedbackMetrics(registry);
    metrics.count('feedback', 'signed');
    metrics.count('feedback', 'signed');
    metrics.count(undefined, 'context_missing');
    metrics.time({ each: (visit) => visit('judge', 0.2), totalMilliseconds: () => 0.7 });
    const page = await registry.metrics();
    expect(page).toContain('countersign_feedback_answers_total{policy="feedback",code="signed"} 2');
    expect(page).toContain('countersign_feedback_answers_total{policy="none",code="context_missing"} 1');
    expect(page).toContain('countersign_feedback_stage_seconds_bucket{le="0.00025",stage="judge"} 1');
    expect(page).toContain('countersign_feedback_stage_seconds_sum{stage="total"} 0.0007');
  });
});
