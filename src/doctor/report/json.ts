/** A verdict for scripts. Pure. */
import { isBad, type Verdict } from '../judge.js';

/** What `--json` prints. */
export function jsonReport(source: string, verdict: Verdict): object {
  return {
    ok: !isBad(verdict),
    source,
    findings: verdict.findings.map(({ rule, severity, where, detail }) => ({
      rule: rule.id,
      name: rule.name,
      severity,
      where,
      detail: detail ?? null,
      what: rule.what,
      why: rule.why,
      instead: rule.instead,
    })),
    left_out: verdict.leftOut,
  };
}
