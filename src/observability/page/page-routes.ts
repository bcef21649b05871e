/**
 * What the admin port answers for the page: its files, and three things to ask as JSON. Everything is bounded, and an
 * answer that is a second old does for whoever asks meanwhile, so that many tabs cost what one costs.
 */
import { answerFor, type RefusalCode, REFUSAL_CODES } from '../../verify/refusal.js';
import { REQUEST_ID, type SearchOutcome } from '../../why/search.js';
import { meaningOf } from '../../why/words.js';
import type { Health } from '../health.js';
import { packageVersion } from '../package-version.js';
import type { IdentityQuery } from './identity-list.js';
import { PAGE_HEADERS, readPageFiles, type PageFile } from './page-files.js';
import type { PageSource } from './page-source.js';
import { SLOT_SECONDS, type RecentRefusal } from './recent-decisions.js';
import { remedyFor } from './remedies.js';

/** Where the page has its facts from. */
export interface PageOffer {
  readonly source: PageSource;
  /** Looks a request up; never rejects. */
  readonly search: (id: string) => Promise<SearchOutcome>;
}

/** What of the admin port's view the page shows, too. */
interface RoutesOptions {
  readonly page: PageOffer;
  readonly health: Health;
  readonly describe: () => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>;
}

/** As the admin port gives it. */
interface PageAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const FRESH_MILLISECONDS = 1_000;
const SHOWN_REFUSALS = 50;
const MAX_SHOWN_REFUSALS = 400;
const MAX_FIND_CHARACTERS = 200;
const COUNT = /^[0-9]{1,7}$/;
const IDENTITY_STATES: ReadonlySet<string> = new Set(['usable', 'ending', 'unusable', 'revoked']);
const KNOWN_CODES: ReadonlySet<string> = new Set(REFUSAL_CODES);

export class PageRoutes {
  readonly #options: RoutesOptions;
  readonly #files: ReadonlyMap<string, PageFile> = readPageFiles();
  readonly #overview: Shared<unknown>;
  readonly #refusals: Shared<readonly RecentRefusal[]>;

  constructor(options: RoutesOptions) {
    this.#options = options;
    this.#overview = new Shared(() => overview(options));
    this.#refusals = new Shared(async () => options.page.source.refusals());
  }

  /** Undefined for a path that is none of the page's. */
  async answer(
    path: string,
    query: URLSearchParams,
    ifNoneMatch: string | undefined,
  ): Promise<PageAnswer | undefined> {
    const file = this.#files.get(path);
    if (file !== undefined) return fileAnswer(file, ifNoneMatch);
    switch (path) {
      case '/page/overview.json':
        return json(await this.#overview.get());
      case '/page/refusals.json':
        return json(refusalList(await this.#refusals.get(), query));
      case '/page/identities.json': {
        const page = await this.#options.page.source.identities(identityQuery(query));
        return page === undefined ? json({ error: 'busy' }, 503) : json(page);
      }
      case '/page/why.json':
        return this.#why(query.get('id') ?? '');
      default:
        return undefined;
    }
  }

  async #why(id: string): Promise<PageAnswer> {
    if (!REQUEST_ID.test(id)) return json({ error: 'an id is 1 to 128 visible characters' }, 400);
    const kept = (await this.#refusals.get()).find(
      ({ decisionId, envoyRequestId }) => decisionId === id || envoyRequestId === id,
    );
    return json({ id, kept: kept && withWords(kept), ...(await this.#options.page.search(id)) });
  }
}

function fileAnswer({ type, body, etag }: PageFile, ifNoneMatch: string | undefined): PageAnswer {
  const headers = { ...PAGE_HEADERS, etag };
  if (ifNoneMatch === etag) return { status: 304, type, body: '', headers };
  return { status: 200, type, body, headers };
}

function json(body: unknown, status = 200): PageAnswer {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}

async function overview({ page, health, describe }: RoutesOptions): Promise<unknown> {
  const [live, status] = await Promise.all([page.source.live(), describe()]);
  return {
    atMs: Date.now(),
    version: packageVersion(),
    node: process.versions.node,
    pid: process.pid,
    uptimeSeconds: Math.floor(process.uptime()),
    slotSeconds: SLOT_SECONDS,
    health: { ready: health.isServing(), components: componentsOf(health) },
    status,
    live,
  };
}

function componentsOf(health: Health): unknown[] {
  return health.states().map(({ name, fault, note }) => ({
    name,
    fault,
    note,
    remedy: fault === undefined && note === undefined ? undefined : remedyFor(name),
  }));
}

/** Those that match, the newest first, and how often each code is among all that are kept. */
function refusalList(kept: readonly RecentRefusal[], query: URLSearchParams): unknown {
  const find = (query.get('find') ?? '').slice(0, MAX_FIND_CHARACTERS).toLowerCase();
  const code = query.get('code') ?? '';
  const limit = Math.min(numberOf(query.get('limit')) ?? SHOWN_REFUSALS, MAX_SHOWN_REFUSALS);
  const counts = new Map<string, number>();
  for (const one of kept) counts.set(one.code, (counts.get(one.code) ?? 0) + 1);
  const matching = kept.filter((one) => (code === '' || one.code === code) && holds(one, find));
  return {
    kept: kept.length,
    matching: matching.length,
    codes: Object.fromEntries(counts),
    refusals: matching.slice(0, limit).map(withWords),
  };
}

function holds(refusal: RecentRefusal, find: string): boolean {
  if (find === '' || String(statusOf(refusal.code)) === find) return true;
  if (refusal.passed && find === 'report-only') return true;
  return Object.values(refusal).some((value) => String(value).toLowerCase().includes(find));
}

function statusOf(code: string): number | undefined {
  return KNOWN_CODES.has(code) ? answerFor(code as RefusalCode).status : undefined;
}

function withWords(refusal: RecentRefusal): unknown {
  const { code } = refusal;
  const known = KNOWN_CODES.has(code) ? answerFor(code as RefusalCode) : undefined;
  const words = meaningOf(code);
  return {
    ...refusal,
    status: known?.status,
    clientCode: known?.clientCode,
    why: words?.why,
    next: words?.next,
  };
}

function identityQuery(query: URLSearchParams): IdentityQuery {
  const state = query.get('state') ?? 'all';
  return {
    find: (query.get('find') ?? '').slice(0, MAX_FIND_CHARACTERS),
    state: IDENTITY_STATES.has(state) ? (state as IdentityQuery['state']) : 'all',
    from: numberOf(query.get('from')) ?? 0,
  };
}

function numberOf(text: string | null): number | undefined {
  return text !== null && COUNT.test(text) ? Number(text) : undefined;
}

/** One answer for all who ask within a second, or while it is being made. */
class Shared<T> {
  readonly #make: () => Promise<T>;
  #atMs = -Infinity;
  #isMaking = false;
  #answer: Promise<T> | undefined;

  constructor(make: () => Promise<T>) {
    this.#make = make;
  }

  get(): Promise<T> {
    const nowMs = performance.now();
    const isFresh = this.#isMaking || nowMs - this.#atMs <= FRESH_MILLISECONDS;
    if (this.#answer !== undefined && isFresh) return this.#answer;
    this.#atMs = nowMs;
    this.#isMaking = true;
    const answer = this.#make().finally(() => (this.#isMaking = false));
    this.#answer = answer;
    // A failure is nobody's answer but theirs who waited for it.
    answer.catch(() => (this.#answer = undefined));
    return answer;
  }
}
