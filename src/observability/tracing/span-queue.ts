/**
 * What lies between the spans and the collector: a bounded queue, sent in batches, one request at a time. A collector that is
 * away or slow costs spans, which are counted, and never a request of anybody.
 */

/** What became of a batch: taken, refused for good, or to be sent again. */
export type Delivery =
  | { readonly kind: 'taken'; readonly rejected: number }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** What the queue works with. */
interface SpanQueueOptions<Span> {
  readonly maxSpans: number;
  /** Never rejects. */
  readonly send: (spans: readonly Span[]) => Promise<Delivery>;
  /** Told when the collector fails, with the reason, and with undefined once it takes spans again. */
  readonly onFault: (reason: string | undefined) => void;
  readonly monotonicMs: () => number;
}

/** Spans by what became of them. `full`: there was no room. `refused`: by the collector. `unsent`: at the stop. */
export const SPAN_OUTCOMES = ['sent', 'full', 'refused', 'unsent'] as const;
type SpanOutcome = (typeof SPAN_OUTCOMES)[number];

/** A quarter of a megabyte, more or less. */
const MAX_BATCH = 512;
const SEND_MILLISECONDS = 1_000;
const MAX_PAUSE_SECONDS = 60;

export class SpanQueue<Span> {
  readonly #options: SpanQueueOptions<Span>;
  readonly #counts = new Map<SpanOutcome, number>();
  readonly #spans: Span[] = [];
  readonly #timer: NodeJS.Timeout;
  #sending: Promise<void> | undefined;
  #failures = 0;
  #nextTryMs = 0;
  #fault: string | undefined;

  constructor(options: SpanQueueOptions<Span>) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#sendAll(), SEND_MILLISECONDS).unref();
  }

  count(outcome: SpanOutcome): number {
    return this.#counts.get(outcome) ?? 0;
  }

  get waiting(): number {
    return this.#spans.length;
  }

  add(span: Span): void {
    if (this.#spans.length >= this.#options.maxSpans) {
      this.#add('full', 1);
      return;
    }
    this.#spans.push(span);
    if (this.#spans.length >= MAX_BATCH) void this.#sendAll();
  }

  /** Sends what is left, once; what does not go by `cut` is lost. Nothing may be added afterwards. */
  async close(cut: Promise<unknown>): Promise<void> {
    clearInterval(this.#timer);
    await Promise.race([this.#flush(), cut]);
    this.#add('unsent', this.#spans.length);
    this.#spans.length = 0;
  }

  async #flush(): Promise<void> {
    await this.#sending;
    this.#nextTryMs = 0;
    await this.#sendAll();
  }

  #sendAll(): Promise<void> {
    this.#sending ??= this.#sendBatches().finally(() => (this.#sending = undefined));
    return this.#sending;
  }

  async #sendBatches(): Promise<void> {
    while (this.#spans.length > 0 && this.#options.monotonicMs() >= this.#nextTryMs) {
      const batch = this.#spans.slice(0, MAX_BATCH);
      const delivery = await this.#options.send(batch);
      if (delivery.kind !== 'failed') this.#spans.splice(0, batch.length);
      this.#judge(delivery, batch.length);
    }
  }

  #judge(delivery: Delivery, spans: number): void {
    if (delivery.kind === 'taken') {
      this.#add('sent', spans - delivery.rejected);
      this.#add('refused', delivery.rejected);
      this.#failures = 0;
    } else {
      if (delivery.kind === 'refused') this.#add('refused', spans);
      const seconds = Math.min(MAX_PAUSE_SECONDS, 2 ** this.#failures++);
      this.#nextTryMs = this.#options.monotonicMs() + seconds * 1_000 * (0.75 + Math.random() / 2);
    }
    this.#tell(delivery.kind === 'taken' ? undefined : delivery.reason);
  }

  #tell(fault: string | undefined): void {
    const isNew = (fault === undefined) !== (this.#fault === undefined);
    this.#fault = fault;
    if (isNew) this.#options.onFault(fault);
  }

  #add(outcome: SpanOutcome, spans: number): void {
    this.#counts.set(outcome, this.count(outcome) + spans);
  }
}
