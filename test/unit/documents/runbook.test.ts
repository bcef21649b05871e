/** docs/runbook.md has an entry for everything that somebody may be woken up by, and the commands that it tells to run are there. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { Session, type CliWorld } from '../../../src/cli/command.js';
import { buildProgram } from '../../../src/cli/program.js';
import { FEEDBACK_REFUSAL_CODES } from '../../../src/feedback/refusal-code.js';
import { REFUSAL_CODES } from '../../../src/verify/refusal.js';
import { allAlerts } from '../../k8s/support/alerts.js';

/** Nothing is run. */
const program = buildProgram(new Session({} as CliWorld));
const page = readFileSync('docs/runbook.md', 'utf8');

/** The cells of each row that begins with an anchor, by its name. */
const entries = page
  .split('\n')
  .map((line) => /^\| <a id="(\w+)"><\/a>`(\w+)` *\|(.*)\|$/.exec(line))
  .filter((match) => match !== null)
  .map(([, id, name, rest]) => ({ id, name, cells: rest!.split(/(?<!\\)\|/).map((cell) => cell.trim()) }));

describe('the runbook', () => {
  const wanted = [
    ...new Set([...REFUSAL_CODES, ...FEEDBACK_REFUSAL_CODES, ...allAlerts().map(({ alert }) => alert)]),
  ];

  it('has one entry for every refusal code and every alert, and none for what there is not', () => {
    expect(entries.map(({ id }) => id).sort()).toEqual(wanted.sort());
    expect(entries.filter(({ id, name }) => id !== name)).toEqual([]);
  });

  it.each(entries)(
    'says of $name what it means, what to run first, the usual causes and what mends it',
    ({ cells }) => {
      expect(cells).toHaveLength(4);
      expect(cells.filter((cell) => cell.length < 2 && cell !== '')).toEqual([]);
      for (const cell of cells) expect(cell).not.toBe('');
    },
  );

  it('is where the alerts lead', () => {
    const urls = allAlerts().map(({ alert, annotations }) => [alert, annotations.runbook_url]);
    expect(urls).toEqual(
      allAlerts().map(({ alert }) => [alert, `https://docs.countersign.example/runbook.md#${alert}`]),
    );
  });
});

describe('what the runbook tells to run', () => {
  const commands = [...new Set([...page.matchAll(/`countersign ([^`…]+)/g)].map(([, text]) => text!))];

  it.each(commands)('countersign %s', (text) => {
    const words = text
      .replace(/ \\?\|.*/, '')
      .trim()
      .split(' ');
    const command = commandOf(words);
    const known = command.options.map(({ long }) => long);
    for (const option of words.filter((word) => word.startsWith('--'))) expect(known).toContain(option);
  });

  /** The innermost command that the words name. */
  function commandOf(words: readonly string[]): Command {
    let at: Command = program;
    for (const word of words) {
      const next = at.commands.find((one) => one.name() === word);
      if (next === undefined) break;
      at = next;
    }
    expect(at.name()).not.toBe('countersign');
    return at;
  }
});
