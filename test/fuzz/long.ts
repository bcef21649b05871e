/**
 * `make fuzz`: every target in turn, guided by coverage, for SECONDS (default 600) in all, from SEED (default: chance).
 * TARGET picks one. A failing input is filed, and the test suite replays it from then on.
 */
import { Coverage } from './coverage.js';
import { fileFinding } from './findings.js';
import { run } from './run.js';
import { TARGETS } from './targets/all.js';

const numberOf = (text: string | undefined, fallback: number): number =>
  text !== undefined && /^[0-9]{1,9}$/.test(text) ? Number(text) : fallback;
const seconds = numberOf(process.env['SECONDS'], 600);
const seed = numberOf(process.env['SEED'], Date.now() % 1_000_000_000);
const wanted = Object.entries(TARGETS).filter(([name]) => name === (process.env['TARGET'] ?? name));
const BATCHES: Readonly<Record<string, number>> = { configuration: 20, 'canonical-json': 2_000 };
const USUAL_BATCH = 50;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

test.each(wanted)(
  '%s keeps its promises',
  async (name, make) => {
    const target = make();
    const coverage = new Coverage();
    coverage.start();
    const untilMs = performance.now() + (seconds * 1000) / wanted.length;
    const goesOn = (): boolean => performance.now() < untilMs;
    try {
      const result = await run(target, { seed, batch: BATCHES[name] ?? USUAL_BATCH, goesOn, coverage });
      say(
        `${name}: ${result.inputs} inputs from seed ${seed}, ${coverage.blocks} blocks, ${result.kept} inputs kept`,
      );
      if (result.violation === undefined) return;
      const { input, what } = result.violation;
      throw new Error(`SEED=${seed}: ${what}\n${fileFinding(name, input)}`);
    } finally {
      coverage.stop();
      target.close?.();
    }
  },
  (seconds + 60) * 1000,
);
