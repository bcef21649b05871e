/** What a process tells the page, as plain data: a supervisor asks each of its workers, and makes one of their answers. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Snapshot } from '../../verify/snapshot.js';
import type { Ending } from '../expiry-gauge.js';
import type { ReloadNote } from '../reload-log.js';
import { listIdentities, type IdentityPage, type IdentityQuery } from './identity-list.js';
import {
  KEPT_REFUSALS,
  SLOTS,
  type CodeSeries,
  type RecentDecisions,
  type RecentRefusal,
} from './recent-decisions.js';

type Soon<T> = T | Promise<T>;

/** Shown of those that end first. */
const SHOWN_ENDS = 100;

/** What moves. */
export interface PageLive {
  readonly decisions: CodeSeries;
  readonly answers: CodeSeries;
  /** The newest first. */
  readonly reloads: readonly ReloadNote[];
  /** The soonest first. */
  readonly ends: readonly Ending[];
  readonly identities: number;
}

/** Answers the page's questions. */
export interface PageSource {
  readonly live: () => Soon<PageLive | undefined>;
  /** All that are kept, the newest first. */
  readonly refusals: () => Soon<readonly RecentRefusal[]>;
  readonly identities: (query: IdentityQuery) => Soon<IdentityPage | undefined>;
}

/** A question that goes over a channel. */
export type PageQuestion =
  | { readonly kind: 'live' }
  | { readonly kind: 'refusals' }
  | { readonly kind: 'identities'; readonly query: IdentityQuery };

/** Puts a question that came over a channel. */
export function askPage(source: PageSource, question: PageQuestion): Soon<unknown> {
  switch (question.kind) {
    case 'live':
      return source.live();
    case 'refusals':
      return source.refusals();
    case 'identities':
      return source.identities(question.query);
  }
}

/** What the page shows is made of. */
interface PageParts {
  readonly recent: RecentDecisions;
  readonly reloads: () => readonly ReloadNote[];
  readonly soonestEnds: () => Promise<readonly Ending[]>;
  readonly snapshot: () => Snapshot;
  readonly nowMs: () => number;
}

/** Of one process. */
export function pageSource({ recent, reloads, soonestEnds, snapshot, nowMs }: PageParts): PageSource {
  const oneByOne = new OneByOne();
  return {
    live: async () => {
      const ends = await soonestEnds();
      await nextTurn();
      return {
        decisions: recent.decisions(),
        answers: recent.answers(),
        reloads: reloads(),
        ends: [...ends].sort((one, other) => one.endMs - other.endMs).slice(0, SHOWN_ENDS),
        identities: snapshot().identities.size,
      };
    },
    refusals: () => recent.refusals(),
    identities: (query) => oneByOne.run(() => listIdentities(snapshot().identities, query, nowMs())),
  };
}

/** Questions that wait for their turn; further ones are answered with nothing. */
const MAX_WAITING = 8;

/** Looks through long lists one after the other, however many tabs ask. */
class OneByOne {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  async run<T>(look: () => Promise<T>): Promise<T | undefined> {
    if (this.#waiting >= MAX_WAITING) return undefined;
    this.#waiting++;
    const mine = this.#last.then(look).finally(() => this.#waiting--);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

/** One answer of those of several processes; undefined when none of them has given one. */
export function mergeLive(answers: readonly (PageLive | undefined)[]): PageLive | undefined {
  const told = answers.filter((answer) => answer !== undefined);
  const [first] = told;
  if (first === undefined) return undefined;
  return {
    ...first,
    decisions: sumOf(told.map(({ decisions }) => decisions)),
    answers: sumOf(told.map(({ answers }) => answers)),
  };
}

/** The newest of all of them. */
export function mergeRefusals(answers: readonly (readonly RecentRefusal[])[]): readonly RecentRefusal[] {
  const all = answers.flat().sort((one, other) => other.atMs - one.atMs);
  return all.slice(0, KEPT_REFUSALS);
}

function sumOf(all: readonly CodeSeries[]): CodeSeries {
  const sums = new Map<string, number[]>();
  for (const series of all)
    for (const [code, counts] of Object.entries(series)) {
      const sum = sums.get(code) ?? new Array<number>(SLOTS).fill(0);
      counts.forEach((count, slot) => (sum[slot] = (sum[slot] ?? 0) + count));
      sums.set(code, sum);
    }
  return Object.fromEntries(sums);
}
