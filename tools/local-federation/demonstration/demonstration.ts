/** Sends every case through Envoy and compares what came back, and what the application saw, with what must be. */
import { createHash } from 'node:crypto';
import type { JournalEntry } from '../../reference-upstream/request-journal.js';
import type { ReachableFederation } from '../attach.js';
import { FederationFault } from '../fault.js';
import { fetchPage } from '../health.js';
import type { ProducerAnswer } from '../producer.js';
import {
  ACCEPTED,
  REFUSED,
  REPLAY,
  type DemonstrationCase,
  type DemonstrationKit,
  type Sending,
} from './cases.js';
import { goRound, type LoopRow } from './loop.js';
import { waitedFor, type Say } from './patience.js';

/** One line of the table, as it turned out. */
export interface DemonstrationRow {
  readonly title: string;
  readonly expectedStatus: number;
  /** 0: the connection was refused or broken. */
  readonly status: number;
  /** The client's error code of a refusal; empty when there is none. */
  readonly code: string;
  /** Whether the application saw it; undefined when that cannot be known. */
  readonly seen: boolean | undefined;
  readonly asExpected: boolean;
}

/** How a demonstration is run. */
export interface DemonstrationOptions {
  readonly federation: ReachableFederation;
  /** Whether the application is the reference upstream: only that one's answers are known beforehand. */
  readonly referenceUpstream: boolean;
  /** Told when a case has to wait for the rate limit. */
  readonly say: Say;
}

function errorCode(answer: ProducerAnswer): string {
  try {
    const { errors } = JSON.parse(answer.body) as { errors?: { code?: unknown }[] };
    const code = errors?.[0]?.code;
    return typeof code === 'string' ? code : '';
  } catch {
    return answer.status === 0 ? answer.body : '';
  }
}

/** The application's own list of what reached it. */
async function journal(url: string): Promise<JournalEntry[]> {
  try {
    return JSON.parse((await fetchPage(`${url}/_reference/requests`)).body) as JournalEntry[];
  } catch (error) {
    throw new FederationFault(
      `the reference upstream does not show its list: ${String(error)}`,
      'make local-federation-up starts it again',
    );
  }
}

/** How often the application has seen exactly this request, by its own list. */
async function timesSeen(federation: ReachableFederation, { request }: Sending): Promise<number> {
  const entries = await journal(federation.environment.COUNTERSIGN_UPSTREAM_URL);
  const hash = createHash('sha256').update(request.body).digest('hex');
  const same = (entry: JournalEntry): boolean =>
    entry.method === request.method && entry.path === request.path && entry.body_sha256 === hash;
  return entries.filter(same).length;
}

async function run(
  one: DemonstrationCase,
  kit: DemonstrationKit,
  options: DemonstrationOptions,
): Promise<DemonstrationRow> {
  const { federation, referenceUpstream, say } = options;
  const sending = one.prepare(kit);
  const before = referenceUpstream ? await timesSeen(federation, sending) : 0;
  const answer = await federation.gateway.send(sending.over, sending.request);
  if (one.passes && (await waitedFor(answer, { title: one.title, say }))) return run(one, kit, options);
  const seen = referenceUpstream ? (await timesSeen(federation, sending)) > before : undefined;
  return {
    title: one.title,
    expectedStatus: one.expectedStatus,
    status: answer.status,
    code: errorCode(answer),
    seen,
    asExpected: answer.status === one.expectedStatus && (seen === undefined || seen === one.passes),
  };
}

/** What was shown. */
export interface Demonstration {
  /** What passes and what is refused, a row a request. */
  readonly requests: readonly DemonstrationRow[];
  /** The feedback loop; empty before an application of somebody else's, whose answers are not known. */
  readonly loop: readonly LoopRow[];
}

/**
 * Runs the cases one after another. Before an application of somebody else's only those are sent that it never sees:
 * they are the ones whose answers do not depend on it.
 */
export async function demonstrate(options: DemonstrationOptions): Promise<Demonstration> {
  const { federation, referenceUpstream, say } = options;
  const kit: DemonstrationKit = {
    credentials: federation.credentials,
    now: () => Math.floor(Date.now() / 1000),
    first: undefined,
  };
  const cases = referenceUpstream ? [...ACCEPTED, REPLAY, ...REFUSED] : REFUSED;
  const requests: DemonstrationRow[] = [];
  for (const one of cases) requests.push(await run(one, kit, options));
  return { requests, loop: referenceUpstream ? await goRound(federation, say) : [] };
}
