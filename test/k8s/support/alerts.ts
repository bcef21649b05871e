/** The PrometheusRule of k8s/monitoring as tests read it. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly runbook_url: string };
}

interface AlertGroup {
  readonly name: string;
  readonly rules: readonly Alert[];
}

/** What Prometheus itself reads: `spec` of the object. */
export function alertGroups(): { readonly groups: readonly AlertGroup[] } {
  const text = readFileSync('k8s/monitoring/prometheus-rule.yaml', 'utf8');
  return (parse(text) as { spec: { groups: readonly AlertGroup[] } }).spec;
}

export function allAlerts(): readonly Alert[] {
  return alertGroups().groups.flatMap(({ rules }) => rules);
}

const BEGIN = '<!-- k8s/monitoring/prometheus-rule.yaml -->\n';
const END = '<!-- end of alerts -->';

/** A page with the alerts between its two marks. */
export function withAlertTable(page: string): string {
  const [before, rest = ''] = page.split(BEGIN);
  const [, after] = rest.split(END);
  if (after === undefined) throw new Error(`the page lacks ${BEGIN.trim()} or ${END}`);
  const rows = allAlerts()
    .map((alert) => `${rowOf(alert)}\n`)
    .join('');
  return `${before}${BEGIN}\n| alert | when | for | why |\n| --- | --- | --- | --- |\n${rows}\n${END}${after}`;
}

function rowOf({ alert, expr, for: held = '', annotations }: Alert): string {
  const code = `\`${expr.trim().replaceAll('|', '\\|')}\``;
  return `| [${alert}](runbook.md#${alert}) | ${code} | ${held} | ${annotations.summary} |`;
}
