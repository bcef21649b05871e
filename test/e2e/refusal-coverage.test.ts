/** No refusal code without a case that shows it from outside, or the reason why none can. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../../tools/local-federation/layout.js';
import { REFUSAL_TABLES } from './cases/refused.js';
import { REFUSAL_PROOFS } from './support/refusal-proofs.js';

const REFUSED = REFUSAL_TABLES.flatMap(([, cases]) => cases);
const inTables = new Set<string>(REFUSED.map(({ refused }) => refused.audit));

test.each(Object.entries(REFUSAL_PROOFS))('%s is shown where the list says', (code, proof) => {
  if (proof.by === 'table') expect(inTables).toContain(code);
  else expect(readFileSync(join(repositoryRoot(), proof.file), 'utf8')).toContain(`'${code}'`);
  if (proof.by === 'unit') expect(proof.why.length).toBeGreaterThan(20);
});

test('every code of a table is one of the list', () => {
  expect(Object.keys(REFUSAL_PROOFS)).toEqual(expect.arrayContaining([...inTables]));
});

test('no two cases of the tables have one title', () => {
  const titles = REFUSED.map(({ title, on }) => `${title} (${on ?? 'both'})`);
  expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
});
