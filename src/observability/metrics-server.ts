/**
 * The port for scrapers: `/metrics` and nothing else, so that it may be open where the admin port must not be. Whoever
 * reaches it may ask as often as he likes: the text is made once a second at most, and a connection gets one answer.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AdminView } from './admin-server.js';
import { boundAnswer, listenBounded } from './bounded-http-server.js';
import { denialOf, type HttpAccess } from './http-access.js';

/** What is shown, and where. */
export interface MetricsOptions extends HttpAccess {
  readonly port: number;
  readonly registry: AdminView['registry'];
  /** From the first byte of an answer to its last. Default: 15 s. */
  readonly answerMilliseconds?: number;
  /** Milliseconds of a clock that does not step. Default: this process's. */
  readonly monotonicMs?: () => number;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A scrape costs the loop that serves some milliseconds; scrapers come every 15 s. */
const SHARED_MILLISECONDS = 1_000;

/** Listens; rejects with a plain sentence when the port cannot be had. */
export function startMetricsServer(options: MetricsOptions): Promise<Server> {
  const { host, port, registry, monotonicMs = () => performance.now() } = options;
  const scrape = sharedScrape(registry, monotonicMs);
  return listenBounded(
    { section: 'metrics', host, port, oneRequest: true },
    (request, response) => void respond(request, response, options, scrape),
  );
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: MetricsOptions,
  scrape: () => Promise<Answer>,
): Promise<void> {
  const { status, type, body, headers } = await answerTo(request, options, scrape);
  boundAnswer(request, response, options.answerMilliseconds);
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

async function answerTo(
  request: IncomingMessage,
  options: MetricsOptions,
  scrape: () => Promise<Answer>,
): Promise<Answer> {
  const denial = denialOf(request, 'metrics', options);
  if (denial !== undefined) return plain(denial.status, denial.reason);
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return { ...plain(405, 'GET only\n'), headers: { allow: 'GET, HEAD' } };
  if (!/^\/metrics(?:\?|$)/.test(request.url ?? '')) return plain(404, 'there is /metrics\n');
  return scrape();
}

/** What was made last, or is being made: for all who ask within a second. Never rejects, and keeps the reason to itself. */
function sharedScrape(
  registry: MetricsOptions['registry'],
  monotonicMs: () => number,
): () => Promise<Answer> {
  let made: Promise<Answer> | undefined;
  let untilMs = Infinity;
  const make = async (): Promise<Answer> => {
    try {
      const body = Buffer.from(await registry.metrics());
      return { status: 200, type: registry.contentType, body };
    } catch {
      return plain(500, 'internal error\n');
    } finally {
      untilMs = monotonicMs() + SHARED_MILLISECONDS;
    }
  };
  return () => {
    if (made === undefined || monotonicMs() >= untilMs) {
      untilMs = Infinity;
      made = make();
    }
    return made;
  };
}

function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}
