import { readFileSync, writeFileSync } from 'node:fs';
import type { Rule } from '../../../src/doctor/rules/rule.js';
import { RULES } from '../../../src/doctor/rules/rules.js';

const PAGE = 'docs/doctor.md';
const START = '<!-- rules: written by UPDATE=1 npm run -s jest -- test/unit/doctor/documentation -->';

function row({ id, name, severity, what, why, instead }: Rule): string {
  return `| <a id="${id}"></a>${id} ${name} | ${severity} | ${what} ${why} | ${instead} |`.replaceAll(
    /\\?<(?!\/?a)/g,
    '&lt;',
  );
}

function rules(): string {
  const head =
    '| rule | severity | what, and why it matters | what to write instead |\n| --- | --- | --- | --- |';
  return `${START}\n\n${head}\n${RULES.map(row).join('\n')}\n`;
}

describe('docs/doctor.md', () => {
  it('lists every rule as the table has it', () => {
    const page = readFileSync(PAGE, 'utf8');
    const before = page.slice(0, page.indexOf(START));
    if (process.env['UPDATE'] === '1') writeFileSync(PAGE, `${before}${rules()}`);
    expect(readFileSync(PAGE, 'utf8')).toBe(`${before}${rules()}`);
  });

  it('says everything in sentences that end', () => {
    for (const { what, why, instead } of RULES) {
      expect([what, why].filter((text) => !text.endsWith('.'))).toEqual([]);
      expect(`${what}${why}${instead}`).not.toMatch(/[|\n]/);
    }
  });
});
