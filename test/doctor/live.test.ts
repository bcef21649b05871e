import { rmSync, writeFileSync } from 'node:fs';
import { countersign } from '../e2e/support/command.js';
import { corpusFile, corpusOf, corpusText, LINES, type Corpus } from './corpus/corpus.js';
import { MUTATIONS } from './corpus/mutations.js';
import { BODY_CHANGERS, HARMLESS, kindOf, PROGRAMS } from '../../src/doctor/rules/filters-around.js';
import type { EnvoyLineName } from './corpus/mutation.js';
import { changesBetween } from './support/patch.js';
import { OF_THE_LINE } from './support/expected.js';
import {
  binaryOf,
  installedFolder,
  keptOf,
  ourBootstrap,
  startEnvoy,
  type RunningEnvoy,
} from './support/running-envoy.js';
import type { Tree } from './support/document.js';

async function dumpOfRunning(line: EnvoyLineName, folder: string, bootstrap: Tree): Promise<Tree> {
  const envoy = await startEnvoy(binaryOf(line), folder, bootstrap);
  try {
    const answer = await fetch(`${envoy.admin}/config_dump?include_eds`);
    return keptOf(await answer.text(), folder);
  } finally {
    await envoy.stop();
  }
}

/** With `UPDATE=1` the corpus is made again, by an Envoy for each mutation; with `UPDATE=new` those are added that it lacks. */
const UPDATE = process.env['UPDATE'];
if (UPDATE === '1' || UPDATE === 'new')
  describe.each(LINES)('the corpus of Envoy %s', (line) => {
    it('is made again', async () => {
      const folder = installedFolder();
      const good = await dumpOfRunning(line, folder, ourBootstrap());
      const before = UPDATE === 'new' ? corpusOf(line) : undefined;
      const mutated: Corpus['mutated'][number][] = [];
      const refused: string[] = [];
      for (const { rule, title, change, lines, onlyWritten } of MUTATIONS) {
        if (onlyWritten === true) continue;
        if (lines?.includes(line) === false) continue;
        const kept = before?.mutated.find((dump) => dump.rule === rule && dump.title === title);
        if (kept !== undefined) {
          mutated.push(kept);
          continue;
        }
        const bootstrap = ourBootstrap();
        change(bootstrap);
        try {
          const dump = await dumpOfRunning(line, folder, bootstrap);
          mutated.push({ rule, title, changes: changesBetween(good, dump) });
        } catch (error) {
          refused.push(`${rule} ${title}: ${String(error)}`);
        }
      }
      const made = before ?? { madeAt: new Date().toISOString(), good };
      writeFileSync(corpusFile(line), corpusText({ ...made, mutated }));
      rmSync(folder, { recursive: true });
      expect(refused).toEqual([]);
    }, 900_000);
  });

const seenKinds: string[] = [];

/** Those of Istio and of Envoy's contributed ones are in other builds. */
const ELSEWHERE = /^(?:golang|stats\.|io\.istio\.|istio\.)/;

afterAll(() => {
  const named = [...HARMLESS, ...BODY_CHANGERS, ...PROGRAMS].filter((kind) => !ELSEWHERE.test(kind));
  if (seenKinds.length > 0) expect(named.filter((kind) => !seenKinds.includes(kind))).toEqual([]);
});

describe.each(LINES)('a running Envoy %s', (line) => {
  let folder: string;
  let envoy: RunningEnvoy | undefined;

  beforeAll(() => {
    folder = installedFolder();
  }, 120_000);

  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('has every filter by whose name the rules go', async () => {
    envoy = await startEnvoy(binaryOf(line), folder, ourBootstrap());
    const text = await (await fetch(`${envoy.admin}/config_dump?resource=&mask=bootstrap.node`)).text();
    const types = text
      .match(/"envoy\.extensions\.[^"]+"/g)!
      .map((type) => kindOf(JSON.parse(type) as string));
    seenKinds.push(...types);
    expect(types).toContain('ext_authz');
  });

  it('with our bootstrap is good', async () => {
    envoy = await startEnvoy(binaryOf(line), folder, ourBootstrap());
    const { code, out } = await countersign(['doctor', '--envoy-admin', envoy.admin, '--json']);
    const report = JSON.parse(out) as { findings: { rule: string }[] };
    expect(report.findings.map(({ rule }) => rule)).toEqual(OF_THE_LINE[line]);
    expect(code).toBe(OF_THE_LINE[line]!.length === 0 ? 0 : 1);
  });

  it('with faults is told all of them, over its admin endpoint', async () => {
    const bootstrap = ourBootstrap();
    const rules = ['CSD101', 'CSD103', 'CSD112', 'CSD113', 'CSD132'];
    for (const rule of rules) MUTATIONS.find((mutation) => mutation.rule === rule)!.change(bootstrap);
    envoy = await startEnvoy(binaryOf(line), folder, bootstrap);
    const { code, out } = await countersign(['doctor', '--envoy-admin', envoy.admin]);
    for (const rule of rules) expect(out).toContain(`error ${rule} `);
    expect(code).toBe(1);
  });
});
