import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

/** CPython's answer on one text: its canonical text, or undefined when it is refused. */
export type OracleAnswer = string | undefined;

/** Asks the machine's `python3` about every text at once (see `json_oracle.py`). */
export function askPython(texts: readonly Uint8Array[]): OracleAnswer[] {
  const script = join(import.meta.dirname, 'json_oracle.py');
  const input = texts.map((text) => `${Buffer.from(text).toString('base64')}\n`).join('');
  const python = spawnSync('python3', [script], { input, encoding: 'ascii', maxBuffer: 1 << 30 });
  if (python.status !== 0) throw new Error(`python3 failed: ${python.stderr}`);
  const answers = python.stdout.trimEnd().split('\n');
  if (answers.length !== texts.length) throw new Error('python3 answered another number of lines');
  return answers.map((answer) =>
    answer.startsWith('ok ') ? Buffer.from(answer.slice(3), 'base64').toString('latin1') : undefined,
  );
}
