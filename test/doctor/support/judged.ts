/** Judges documents as the command does, without its files. */
import { NO_FACTS, type Facts } from '../../../src/doctor/facts.js';
import { judge, type Verdict } from '../../../src/doctor/judge.js';
import { envoyOf } from '../../../src/doctor/model/envoy.js';
import { certificatesOf } from '../../../src/doctor/read/certificates.js';
import { partsOf } from '../../../src/doctor/read/dump.js';
import type { Configuration } from '../../../src/config/settings.js';

/** What may be known besides the document. */
export interface Known {
  readonly configuration?: Configuration;
  readonly facts?: Partial<Facts>;
  readonly clusterNames?: readonly string[];
  readonly nowMs?: number;
}

/** The verdict on a parsed document. */
export function verdictOn(document: unknown, known: Known = {}): Verdict {
  const parts = partsOf(document);
  if ('message' in parts) throw new Error(parts.message);
  const envoy = envoyOf(parts, { sockets: [], clusterNames: known.clusterNames ?? [] });
  const facts = { ...NO_FACTS, certificates: certificatesOf(envoy), ...known.facts };
  return judge({ envoy, configuration: known.configuration, facts, nowMs: known.nowMs ?? Date.now() });
}

/** The ids of what was found. */
export function idsOf({ findings }: Verdict): string[] {
  return [...new Set(findings.map(({ rule }) => rule.id))].sort();
}
