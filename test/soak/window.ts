/** What one stretch of a soak showed. */

/** All answers of one stretch, folded: nothing is kept that grows with the run. */
export class Window {
  readonly #milliseconds: number[] = [];
  readonly #statuses = new Map<number, number>();

  add(status: number, milliseconds: number): void {
    this.#milliseconds.push(milliseconds);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }

  /** How often each status came. */
  statuses(): Record<string, number> {
    return Object.fromEntries(this.#statuses);
  }

  /** Of the latencies, in milliseconds; 0 when there was none. */
  quantile(share: number): number {
    const sorted = this.#milliseconds.sort((left, right) => left - right);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  }
}

/** As it is drawn and written down. */
export interface Sample {
  /** Since the beginning. */
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly verifierMegabytes: number;
  readonly envoyMegabytes: number;
}

/** How often each status came, over all of them. */
export function summed(samples: readonly Sample[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { statuses } of samples)
    for (const [status, count] of Object.entries(statuses)) sums.set(status, (sums.get(status) ?? 0) + count);
  return Object.fromEntries(sums);
}

/** In megabytes an hour, by least squares over the second half: before, caches and windows fill. */
export function memoryTrend(samples: readonly Sample[], megabytes: (sample: Sample) => number): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const x = mean(half.map(({ seconds }) => seconds));
  const y = mean(half.map(megabytes));
  const up = half.reduce((sum, one) => sum + (one.seconds - x) * (megabytes(one) - y), 0);
  const across = half.reduce((sum, one) => sum + (one.seconds - x) ** 2, 0);
  return across === 0 ? 0 : (up / across) * 3600;
}
