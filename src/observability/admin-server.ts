/**
 * The admin port: the page, liveness, readiness with reasons, metrics, the public feedback keys. Plain HTTP on loopback, GET
 * and HEAD only, and one POST: `/reload`, from loopback alone. Who may ask at all is in `http-access.ts`.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { FeedbackJwkSet } from '../feedback/keyring.js';
import { isLoopback } from '../config/compile/addresses.js';
import { denialOf, unmapped, type HttpAccess } from './http-access.js';
import { boundAnswer, listenBounded } from './bounded-http-server.js';
import type { Health } from './health.js';
import { PageRoutes, type PageOffer } from './page/page-routes.js';

type Soon<T> = T | Promise<T>;

/** What the admin port shows: of this process, or of several that have to be asked. */
export interface AdminView {
  readonly health: Health;
  readonly registry: Pick<Registry, 'contentType' | 'metrics'>;
  /** Facts about the running configuration: generation, file, policies. No secrets. */
  readonly describe: () => Soon<Readonly<Record<string, unknown>>>;
  /** The public keys that answers are verified with now, of one tenant or of all. Absent or undefined: nothing is signed. */
  readonly keyring?: (tenant: string | undefined) => Soon<FeedbackJwkSet | undefined>;
  /** Loads the files again; absent: not here. Rejects only for a defect. */
  readonly reload?: () => Promise<ReloadAnswer>;
  /** What the page shows besides; absent: there is no page. */
  readonly page?: PageOffer;
}

/** How a reload went, for whoever asked for it. */
export interface ReloadAnswer {
  readonly applied: boolean;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What is shown, and where. */
export interface AdminOptions extends AdminView, HttpAccess {
  readonly port: number;
  /** From the first byte of an answer to its last. Default: 15 s. */
  readonly answerMilliseconds?: number;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** With 405: the methods that there are. */
  readonly allow?: string;
  /** Besides, or instead of, those of every answer. */
  readonly headers?: Readonly<Record<string, string>>;
}

const FOR_NO_PAGE = {
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
};

const JSON_TYPE = 'application/json';
/** RFC 7517 §8.5.2. */
const JWK_SET_TYPE = 'application/jwk-set+json';
/** Larger than any path and query of ours; what is longer is none of them. */
const MAX_URL_CHARACTERS = 1_024;

/** Listens; rejects with a plain sentence when the port cannot be had. */
export function startAdminServer(options: AdminOptions): Promise<Server> {
  const page = options.page && new PageRoutes({ ...options, page: options.page });
  const { host, port } = options;
  return listenBounded(
    { section: 'admin', host, port },
    (request, response) => void respond(request, response, options, page),
  );
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  options: AdminOptions,
  page: PageRoutes | undefined,
): Promise<void> {
  // Nothing is cut for what we take ourselves: the reload of a large file comes to its end in minutes where all are busy.
  const answer = await answerTo(request, options, page).catch((): Answer => plain(500, 'internal error\n'));
  boundAnswer(request, response, options.answerMilliseconds);
  const allow = answer.status === 405 ? { allow: answer.allow ?? 'GET, HEAD' } : {};
  const headers = { 'content-type': answer.type, ...FOR_NO_PAGE, ...answer.headers, ...allow };
  response.writeHead(answer.status, headers);
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

async function answerTo(
  request: IncomingMessage,
  options: AdminOptions,
  page: PageRoutes | undefined,
): Promise<Answer> {
  const denial = denialOf(request, 'admin', options);
  if (denial !== undefined) return plain(denial.status, denial.reason);
  const { path, query } = targetOf(request.url ?? '');
  if (path === '/reload' && options.reload !== undefined) return reload(request, options.reload);
  if (request.method !== 'GET' && request.method !== 'HEAD') return plain(405, 'GET only\n');
  const shown = await page?.answer(path, query, request.headers['if-none-match']);
  if (shown !== undefined) return shown;
  switch (path) {
    case '/livez':
      return plain(200, 'alive\n');
    case '/readyz':
      return readiness(options.health);
    case '/metrics':
      return { status: 200, type: options.registry.contentType, body: await options.registry.metrics() };
    case '/status':
      return json(200, await options.describe());
    case '/keyring':
    case '/.well-known/jwks.json':
      return keyring(await options.keyring?.(query.get('tenant') ?? undefined));
    default:
      return plain(
        404,
        'there are / (the page), /livez, /readyz, /metrics, /status, /keyring and POST /reload\n',
      );
  }
}

/** 200 when the files are in force now, 422 with what is wrong with them when the last good ones stay. */
async function reload(request: IncomingMessage, run: NonNullable<AdminView['reload']>): Promise<Answer> {
  if (request.method !== 'POST') return { ...plain(405, 'POST only\n'), allow: 'POST' };
  if (!isLoopback(unmapped(request.socket.remoteAddress))) return plain(403, 'only from this machine\n');
  const { applied, body } = await run();
  return json(applied ? 200 : 422, body);
}

/** The path as it was sent, and the query. */
function targetOf(url: string): { readonly path: string; readonly query: URLSearchParams } {
  if (url.length > MAX_URL_CHARACTERS) return { path: '', query: new URLSearchParams() };
  const [path = '', query = ''] = url.split('?', 2);
  return { path, query: new URLSearchParams(query) };
}

/** A set that is made anew for each request, so that a key is gone from it at its `notAfter`. */
function keyring(keys: FeedbackJwkSet | undefined): Answer {
  if (keys === undefined) return plain(404, 'no answer is signed here\n');
  return { ...json(200, keys), type: JWK_SET_TYPE };
}

function readiness(health: Health): Answer {
  const components = health
    .states()
    .map(({ name, fault, note }) => ({ name, ready: fault === undefined, reason: fault, note }));
  const ready = health.isServing();
  return json(ready ? 200 : 503, { ready, components });
}

function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function json(status: number, body: unknown): Answer {
  return { status, type: JSON_TYPE, body: `${JSON.stringify(body)}\n` };
}
