/** A short run of every target with a fixed seed, and every input that ever broke a promise. The long one: `make fuzz`. */
// Faults: every test
import { findings } from './findings.js';
import { run } from './run.js';
import { TARGETS } from './targets/all.js';

const SEED = 20_261_123;
const INPUTS: Readonly<Record<string, number>> = { configuration: 100, 'canonical-json': 4_000 };
const USUAL_INPUTS = 1_600;

// Fault: fuzz
describe.each(Object.entries(TARGETS))('%s', (name, make) => {
  test(`keeps its promises for the inputs of seed ${SEED}`, async () => {
    const target = make();
    const wanted = INPUTS[name] ?? USUAL_INPUTS;
    const result = await run(target, { seed: SEED, batch: wanted / 4, goesOn: (soFar) => soFar < wanted });
    target.close?.();
    expect(result.violation).toBeUndefined();
    expect(result.inputs).toBe(wanted);
  }, 90_000);
});

// Fault: fuzz
test('every input that broke a promise once breaks it no more', async () => {
  for (const { file, target: name, input } of findings()) {
    const target = TARGETS[name]?.();
    if (target === undefined) throw new Error(`${file} belongs to no target`);
    const found = await target.check([input]);
    target.close?.();
    expect([file, found]).toEqual([file, [undefined]]);
  }
});
