/** Report-only for a federation that runs already: it is ready once it refuses, so it has to begin without. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { parse, stringify } from 'yaml';
import type { ConfigurationDocument } from '../../../tools/local-federation/configuration.js';
import { TOLERABLE_CODES } from '../../../src/verify/report-only/tolerance.js';
import type { Stage } from './stage.js';

const DAY_MILLISECONDS = 86_400_000;

/** One of `reportOnly`. */
export interface Entry {
  readonly until: string;
  readonly reason: string;
  readonly policies?: readonly string[];
  readonly identities?: readonly string[];
  readonly checks: readonly string[];
}

/** Whatever may be let pass, for everybody, until tomorrow. */
export const everything: Entry = {
  until: new Date(Date.now() + DAY_MILLISECONDS).toISOString(),
  reason: 'a test',
  checks: TOLERABLE_CODES,
};

/** These entries are in force when it resolves, and no others. */
export async function reportOnly({ federation }: Stage, ...entries: readonly Entry[]): Promise<void> {
  const file = federation.layout.configurationFile;
  const document = parse(readFileSync(file, 'utf8')) as ConfigurationDocument;
  writeFileSync(`${file}.new`, stringify({ ...document, reportOnly: entries }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  const answer = await fetch(`${federation.environment.COUNTERSIGN_ADMIN_URL}/reload`, { method: 'POST' });
  if (answer.status !== 200)
    throw new Error(`the reload was answered ${answer.status}: ${await answer.text()}`);
}
