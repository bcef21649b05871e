/** The fault matrix of docs/reliability.md, as Markdown, from the register of faults and the tests that name them. */
import { FAULTS } from './faults.js';
import type { Fault } from './faults/area.js';
import type { TaggedTest } from './tagged-tests.js';

/** One table for each area, in the order of the register. */
export function renderMatrix(tests: readonly TaggedTest[]): string {
  return FAULTS.map(({ area, faults }) => {
    const rows = Object.entries<Fault>(faults).map(([id, fault]) => row(id, fault, tests));
    return [`### ${area}`, '', '| fault | promised | shown by |', '| --- | --- | --- |', ...rows].join('\n');
  }).join('\n\n');
}

function row(id: string, { fault, promise }: Fault, tests: readonly TaggedTest[]): string {
  const shown = tests.filter(({ faults }) => faults.includes(id));
  const cells = [...new Set(shown.map(({ file }) => file))].map((file) => {
    const those = shown.filter((test) => test.file === file);
    const titles = those.map(({ title }) => `“${plain(title)}”`).join('; ');
    return `[${file.replace(/^test\//, '')}](../${file}): ${titles}`;
  });
  return `| ${plain(fault)} | ${plain(promise)} | ${cells.join('<br>')} |`;
}

/** Placeholders of tables and templates are left out of the reader's way. */
function plain(text: string): string {
  return text
    .replace(/%[sdij]|\$\{[^}]*\}|\$[a-z]\w*/gi, '…')
    .replace(/\|/g, '\\|')
    .replace(/</g, '&lt;');
}
