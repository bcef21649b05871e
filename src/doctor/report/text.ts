/** A verdict for people: the gravest first, each with its place, its reason and its remedy. Pure. */
import { escapeControls } from '../../json/escape-text.js';
import type { Finding, Verdict } from '../judge.js';

/** Lines with their ends; everything foreign is escaped. */
export function textReport(source: string, { findings, leftOut }: Verdict): string {
  const lines = groups(findings).flatMap(linesOf);
  const more = leftOut === 0 ? [] : [`and ${leftOut} more places of these`];
  return [...lines, ...more, summaryLine(source, findings)]
    .map((line) => `${escapeControls(line)}\n`)
    .join('');
}

/** Places of one rule with one severity belong together. */
function groups(findings: readonly Finding[]): Finding[][] {
  const byRule = new Map<string, Finding[]>();
  for (const finding of findings) {
    const key = `${finding.severity} ${finding.rule.id}`;
    const group = byRule.get(key);
    if (group === undefined) byRule.set(key, [finding]);
    else group.push(finding);
  }
  return [...byRule.values()];
}

function linesOf(group: Finding[]): string[] {
  const [first] = group;
  if (first === undefined) return [];
  const { rule, severity } = first;
  return [
    `${severity} ${rule.id} ${rule.name}: ${rule.what}`,
    ...group.map(({ where, detail }) => `  at ${where}${detail === undefined ? '' : ` — ${detail}`}`),
    `  why: ${rule.why}`,
    `  instead: ${rule.instead}`,
  ];
}

function summaryLine(source: string, findings: readonly Finding[]): string {
  const count = (severity: Finding['severity']): number =>
    findings.filter((finding) => finding.severity === severity).length;
  return `${source}: ${count('error')} errors, ${count('warning')} warnings, ${count('note')} notes`;
}
