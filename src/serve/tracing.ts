/**
 * Opens tracing where it is configured, and only then loads the SDK: an optional dependency. Each worker traces for itself.
 * Spans go to the collector by our own HTTP, by which no proxy, authority or switch comes from the environment.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import { HttpPeer, type PeerAnswer } from '../storage/http/http-peer.js';
import type { TracingSettings } from '../config/settings.js';
import { packageVersion } from '../observability/package-version.js';
import { Sampling } from '../observability/tracing/sampling.js';
import { SpanQueue, type Delivery } from '../observability/tracing/span-queue.js';
import type { CheckSpan, CheckToTrace, EndedAnswer, Tracing } from '../observability/tracing/tracing.js';
import { addTracingMetrics } from '../observability/tracing/tracing-metrics.js';
import { parseHeaderLines } from '../storage/header-lines.js';
import { systemClock as clock } from './clocks.js';
import { secretIn } from './holders/companion-parts.js';

/** What tracing is opened with. */
interface TracingParts {
  readonly logger: Logger;
  readonly registry: Registry;
  /** Counted from 0, of a worker; undefined for a verifier that is alone. */
  readonly worker: number | undefined;
}

/** Tracing that can be closed. */
export interface OpenTracing extends Tracing {
  /** Sends what is left, for as long as the stop may take. */
  close(): Promise<void>;
}

type Sdk = typeof import('../observability/tracing/spans.js');
type EndedSpan = Parameters<Sdk['encodeSpans']>[0][number];

const MAX_ANSWER_BYTES = 65_536;
/** For what is left at the stop. */
const CLOSE_MILLISECONDS = 2_000;
/** To be sent again later (OTLP/HTTP, "Retryable Response Codes"); any other failure is the batch's own. */
const TRY_AGAIN: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Throws a sentence where the SDK is not installed, and OpenSSL's error where the authority is none. */
export async function openTracing(settings: TracingSettings, parts: TracingParts): Promise<OpenTracing> {
  const sdk = await loadSdk();
  const url = new URL(settings.url);
  const peer = new HttpPeer({ ...settings, url, maxAnswerBytes: MAX_ANSWER_BYTES });
  const queue = new SpanQueue<EndedSpan>({
    maxSpans: settings.maxQueuedSpans,
    send: (spans) => send(spans, { sdk, peer, url, headersPath: settings.headersPath }),
    onFault: (reason) => tell(parts.logger, url, reason),
    monotonicMs: clock.monotonicMs,
  });
  const sampling = new Sampling({
    share: settings.sampleRatio,
    tracesPerSecond: settings.maxTracesPerSecond,
    monotonicMs: clock.monotonicMs,
  });
  addTracingMetrics(parts.registry, queue, sampling);
  const service = {
    name: settings.serviceName,
    instance: instanceOf(settings, parts),
    version: packageVersion(),
  };
  const spans = new sdk.Spans({ sampling, service, ended: (span) => queue.add(span) });
  return closable(new Harmless(spans, parts.logger), queue, peer);
}

async function loadSdk(): Promise<Sdk> {
  try {
    return await import('../observability/tracing/spans.js');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error(
      'tracing is configured, and the OpenTelemetry SDK is not installed: install countersign with its optional dependencies, or remove tracing',
    );
  }
}

function closable(tracing: Tracing, queue: SpanQueue<EndedSpan>, peer: HttpPeer): OpenTracing {
  return {
    begin: (check) => tracing.begin(check),
    answered: (answer) => tracing.answered(answer),
    close: async () => {
      const stop = new AbortController();
      await queue.close(sleep(CLOSE_MILLISECONDS, undefined, stop).catch(() => undefined));
      stop.abort();
      peer.close();
    },
  };
}

/** A defect of the SDK costs a span, and never a request. Said once. */
class Harmless implements Tracing {
  readonly #tracing: Tracing;
  readonly #logger: Logger;
  #isTold = false;

  constructor(tracing: Tracing, logger: Logger) {
    this.#tracing = tracing;
    this.#logger = logger;
  }

  begin(check: CheckToTrace): CheckSpan | undefined {
    const span = this.#guard(() => this.#tracing.begin(check));
    return span && { ...span, end: (ended) => this.#guard(() => span.end(ended)) };
  }

  answered(answer: EndedAnswer): void {
    this.#guard(() => this.#tracing.answered(answer));
  }

  #guard<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      if (!this.#isTold) this.#logger.error({ err: error }, 'a span was lost by a defect');
      this.#isTold = true;
      return undefined;
    }
  }
}

interface Sending {
  readonly sdk: Sdk;
  readonly peer: Pick<HttpPeer, 'exchange'>;
  readonly url: URL;
  readonly headersPath: string | undefined;
}

async function send(
  spans: readonly EndedSpan[],
  { sdk, peer, url, headersPath }: Sending,
): Promise<Delivery> {
  try {
    const secret = headersPath === undefined ? new Map<string, string>() : headersIn(headersPath);
    const headers = { ...Object.fromEntries(secret), 'content-type': 'application/x-protobuf' };
    const body = sdk.encodeSpans(spans);
    return judge(await peer.exchange({ method: 'POST', path: url.pathname, headers, body }), sdk);
  } catch (error) {
    return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  }
}

function headersIn(path: string): ReadonlyMap<string, string> {
  return secretIn(path, parseHeaderLines, 'has a line that is no header');
}

function judge(answer: PeerAnswer, sdk: Sdk): Delivery {
  if (!answer.ok) return { kind: 'failed', reason: answer.reason };
  const { status, body } = answer;
  if (status >= 200 && status < 300) return { kind: 'taken', rejected: sdk.rejectedIn(body) };
  return { kind: TRY_AGAIN.has(status) ? 'failed' : 'refused', reason: `answers with status ${status}` };
}

function tell(logger: Logger, { host }: URL, fault: string | undefined): void {
  if (fault === undefined) logger.info({ name: host }, 'the collector takes spans again');
  else logger.warn({ name: host, fault }, 'spans do not reach the collector; requests go on');
}

function instanceOf({ instance = hostname() }: TracingSettings, { worker }: TracingParts): string {
  return worker === undefined ? instance : `${instance}/${worker}`;
}
