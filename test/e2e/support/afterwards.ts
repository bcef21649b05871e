/** What is to be known when the load is over: what became of a second copy of each request, and what was recorded. */
import { readFileSync } from 'node:fs';
import type { AuditRecord } from './audit-reader.js';
import { openLane } from './lanes.js';
import type { Outgoing } from './outgoing.js';
import type { Stage } from './stage.js';

const SENT_AT_ONCE = 24;
/** A fresh connection after so many. */
const SENT_BY_ONE = 1_000;

/** Sends every one of them once more, all with the same certificate, and gives the statuses in their order. */
export async function sentAgain(stage: Stage, requests: readonly Outgoing[]): Promise<number[]> {
  const statuses: number[] = [];
  for (let from = 0; from < requests.length; from += SENT_BY_ONE)
    statuses.push(...(await sentByOne(stage, requests.slice(from, from + SENT_BY_ONE))));
  return statuses;
}

/** Over one connection. */
async function sentByOne(stage: Stage, requests: readonly Outgoing[]): Promise<number[]> {
  const [first] = requests;
  if (first === undefined) return [];
  const lane = openLane('HTTP/2', stage.door, first.over);
  const statuses: number[] = [];
  let next = 0;
  const sendOn = async (): Promise<void> => {
    for (let at = next++; at < requests.length; at = next++)
      statuses[at] = (await lane.send(requests[at]!)).status;
  };
  await Promise.all(Array.from({ length: SENT_AT_ONCE }, sendOn));
  lane.close();
  return statuses;
}

/** How often each occurs. */
export function countOf(statuses: readonly number[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const status of statuses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The decisions of a log; throws for a torn line. */
export function recordsIn(file: string): AuditRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  if (lines.pop() !== '') throw new Error(`the last record of ${file} is torn`);
  return lines.map((line) => JSON.parse(line) as AuditRecord);
}

/** The nonces, as hashes, that were let through, and those of them more than once: there must be none. */
export function letThrough(records: readonly AuditRecord[]): {
  readonly count: number;
  readonly twice: readonly string[];
} {
  const hashes = records.filter(({ code }) => code === 'allow').map(({ nonce_hash }) => nonce_hash ?? '');
  const seen = new Set<string>();
  const twice = hashes.filter((hash) => seen.size === seen.add(hash).size);
  return { count: hashes.length, twice };
}
