/** Runs every rule over one Envoy and orders what they find. Pure. */
import type { Judged, Place, Rule, Severity } from './rules/rule.js';
import { RULES } from './rules/rules.js';

/** One broken rule at one place. */
export interface Finding {
  readonly rule: Rule;
  readonly severity: Severity;
  readonly where: string;
  readonly detail: string | undefined;
}

/** What a judgement comes to. */
export interface Verdict {
  /** The gravest first, then by rule; each rule and place once. */
  readonly findings: readonly Finding[];
  /** How many more there were of rules with more places than are shown. */
  readonly leftOut: number;
}

const WEIGHT: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };
/** A mesh has the same slip in a thousand places: the first of them tell it. */
const MAX_PLACES_OF_A_RULE = 50;

/** The verdict on what was gathered. */
export function judge(judged: Judged): Verdict {
  let leftOut = 0;
  const findings: Finding[] = [];
  for (const rule of RULES) {
    const found = distinct(rule.check(judged)).map(({ where, detail, severity = rule.severity }) => {
      return { rule, severity, where, detail };
    });
    leftOut += Math.max(0, found.length - MAX_PLACES_OF_A_RULE);
    findings.push(...found.sort(byWeight).slice(0, MAX_PLACES_OF_A_RULE));
  }
  return { findings: findings.sort(byWeight), leftOut };
}

function distinct(places: Iterable<Place>): Place[] {
  const seen = new Map<string, Place>();
  for (const place of places) {
    const key = `${place.where}\n${place.detail ?? ''}`;
    if (!seen.has(key)) seen.set(key, place);
  }
  return [...seen.values()];
}

function byWeight(a: Finding, b: Finding): number {
  return WEIGHT[a.severity] - WEIGHT[b.severity];
}

/** Whether something of at least `warning` was found: what the exit status says. */
export function isBad({ findings }: Verdict): boolean {
  return findings.some(({ severity }) => severity !== 'note');
}
