/** Sends every case through Envoy and compares what came back, and what the application saw, with what must be. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
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
  readonly say: (line: string) => void;
}

/** An allowance is whole again after a minute, and a reported second is rounded down by the clock. */
const LONGEST_WAIT_SECONDS = 61;

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
  const wait = Number(answer.headers['retry-after']);
  if (one.passes && answer.status === 429 && wait > 0 && wait <= LONGEST_WAIT_SECONDS) {
    say(`  … ${one.title}: over RATE_LIMIT_PER_MINUTE, sending again in ${wait} s`);
    await sleep(wait * 1000);
    return run(one, kit, options);
  }
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

/**
 * Runs the cases one after another. Before an application of somebody else's only those are sent that it never sees:
 * they are the ones whose answers do not depend on it.
 */
export async function demonstrate(options: DemonstrationOptions): Promise<DemonstrationRow[]> {
  const kit: DemonstrationKit = {
    credentials: options.federation.credentials,
    now: () => Math.floor(Date.now() / 1000),
    first: undefined,
  };
  const cases = options.referenceUpstream ? [...ACCEPTED, REPLAY, ...REFUSED] : REFUSED;
  const rows: DemonstrationRow[] = [];
  for (const one of cases) rows.push(await run(one, kit, options));
  return rows;
}
