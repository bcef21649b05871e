/** Problems as text for a terminal or a log. */
import type { ConfigurationProblem } from '../settings.js';

/**
 * One line for each problem: `file:line path: message — remedy`. Control characters of the file's own words
 * are escaped, so that a configuration cannot write to the terminal of whoever checks it.
 */
export function renderProblems(problems: readonly ConfigurationProblem[]): string {
  return problems.map((problem) => escapeControls(renderProblem(problem))).join('\n');
}

function renderProblem({ file, path, line, message, remedy }: ConfigurationProblem): string {
  const place = line === undefined ? file : `${file}:${line}`;
  return `${path === '' ? place : `${place} ${path}`}: ${message} — ${remedy}`;
}

function escapeControls(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
