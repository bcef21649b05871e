/** A producer in Python that was written from docs/wire-contract.md alone, and shares no line with this project's code. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { pythonWithCryptography } from './support/python.js';
import { Stage } from './support/stage.js';

interface Line {
  readonly case: string;
  readonly status: number;
  readonly expected: number;
  readonly good: boolean;
}

let stage: Stage;
let lines: readonly Line[];

beforeAll(async () => {
  const python = pythonWithCryptography();
  stage = await Stage.open();
  const { layout } = stage.federation;
  const script = join(layout.root, 'test', 'python', 'producer.py');
  const run = spawnSync(python, [script, layout.environmentFile, layout.root], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (run.stderr !== '') throw new Error(run.stderr);
  lines = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}, 240_000);
afterAll(() => stage.close(), 90_000);

test.each([
  ['telemetry', 6],
  ['graph', 2],
  ['feedback query', 2],
  ['bundle', 2],
  ['before its replay', 1],
  ['replay', 1],
  ['tampered body', 1],
  ['certificate of another producer', 1],
  ['the genuine one after both', 1],
  ['cross-tenant', 1],
  ['operator of another', 1],
  ['tenant of another', 1],
  ['unknown member', 1],
  ['limit as a float', 1],
  ['NaN in the payload', 1],
  ['stale', 1],
  ['forged bundle', 1],
])('%s is answered as the contract says', (title, times) => {
  const outcomes = lines.filter((line) => line.case === title);
  expect(outcomes).toHaveLength(times);
  for (const outcome of outcomes) expect(outcome).toMatchObject({ status: outcome.expected, good: true });
});

test('what it was told was accepted reached the application, and nothing else did', async () => {
  const accepted = lines.filter(({ status }) => status < 300);
  expect(await stage.arrivals()).toHaveLength(accepted.length);
});
