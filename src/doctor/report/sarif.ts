/** A verdict as SARIF 2.1.0 (OASIS), for code scanning of a repository that holds its Envoy's configuration. Pure. */
import type { Finding, Verdict } from '../judge.js';
import type { Rule } from '../rules/rule.js';
import { RULES } from '../rules/rules.js';

/** What a log needs besides. */
export interface SarifContext {
  /** The file that was judged, as it was named, or the URL of the admin endpoint. */
  readonly source: string;
  readonly version: string;
}

const SCHEMA = 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json';

/** One run; every rule is described, broken or not. */
export function sarifReport({ source, version }: SarifContext, { findings }: Verdict): object {
  const driver = {
    name: 'countersign doctor',
    semanticVersion: version,
    rules: RULES.map(ruleObject),
  };
  const results = findings.map((finding) => resultObject(finding, source));
  return { $schema: SCHEMA, version: '2.1.0', runs: [{ tool: { driver }, results }] };
}

function ruleObject({ id, name, severity, what, why, instead }: Rule): object {
  return {
    id,
    name,
    shortDescription: { text: what },
    fullDescription: { text: why },
    help: { text: `Instead: ${instead}` },
    defaultConfiguration: { level: severity },
  };
}

/** A URI reference of a file, or the URL that was asked. */
function uriOf(source: string): string {
  return encodeURI(source).replaceAll('#', '%23').replaceAll('?', '%3F');
}

/** Viewers want a line; a dump has none, so it is the first. */
function resultObject({ rule, severity, where, detail }: Finding, source: string): object {
  const place = detail === undefined ? where : `${where} (${detail})`;
  return {
    ruleId: rule.id,
    ruleIndex: RULES.indexOf(rule),
    level: severity,
    message: { text: `${rule.what} At ${place}. Instead: ${rule.instead}` },
    locations: [
      {
        physicalLocation: { artifactLocation: { uri: uriOf(source) }, region: { startLine: 1 } },
        logicalLocations: [{ fullyQualifiedName: where }],
      },
    ],
  };
}
