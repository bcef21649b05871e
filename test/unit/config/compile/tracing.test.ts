/** The collector of spans, as far as a configuration can know whether it will do. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingsThatNeedRestart } from '../../../../src/config/restart-settings.js';
import { configurationText, createWorkspace, loaded, problemsOf, type Workspace } from '../workspace.js';

let workspace: Workspace;
beforeEach(() => (workspace = createWorkspace()));
afterEach(() => workspace.remove());

const load = (tracing?: object) =>
  workspace.load(configurationText(tracing === undefined ? {} : { tracing }));
const problems = (tracing: object): string[] =>
  problemsOf(load(tracing)).map(({ path, message }) => `${path} ${message}`);
const ENDPOINT = 'https://collector.example:4318';

it('is not there unless it is asked for', () => {
  expect(loaded(load()).settings.tracing).toBeUndefined();
});

it('is a place for spans, with bounds of its own', () => {
  expect(loaded(load({ endpoint: ENDPOINT })).settings.tracing).toEqual({
    url: 'https://collector.example:4318/v1/traces',
    headersPath: undefined,
    authority: undefined,
    instance: undefined,
    timeoutMilliseconds: 10_000,
    serviceName: 'countersign',
    sampleRatio: 0.01,
    maxTracesPerSecond: 100,
    maxQueuedSpans: 8_192,
  });
});

it.each([
  [{ endpoint: 'http://collector.example:4318' }, /^tracing\.endpoint .* not encrypted/],
  [{ endpoint: 'collector:4318' }, /^tracing\.endpoint /],
  [{ endpoint: ENDPOINT, sampleRatio: 1.1 }, /^tracing\.sampleRatio /],
  [{ endpoint: ENDPOINT, maxTracesPerSecond: 0 }, /^tracing\.maxTracesPerSecond /],
  [{ endpoint: ENDPOINT, serviceName: 'a b' }, /^tracing\.serviceName /],
  [{ sampleRatio: 1 }, /^tracing\.endpoint /],
])('is refused as %j', (tracing, problem) => {
  expect(problems(tracing)).toEqual([expect.stringMatching(problem)]);
});

it('wants a file of headers that nobody else reads', () => {
  const file = join(workspace.directory, 'keys/spans.headers');
  writeFileSync(file, 'Authorization: Bearer abc\n', { mode: 0o600 });
  const tracing = { endpoint: ENDPOINT, headersFile: 'keys/spans.headers' };
  expect(loaded(load(tracing)).settings.tracing?.headersPath).toBe(file);
  chmodSync(file, 0o644);
  expect(problems(tracing)).toEqual([expect.stringContaining('other users can get at')]);
});

it('is opened once: a change needs a restart', () => {
  const [without, some] = [loaded(load()), loaded(load({ endpoint: ENDPOINT }))];
  expect(settingsThatNeedRestart(without, some)).toEqual(['tracing']);
  expect(settingsThatNeedRestart(some, loaded(load({ endpoint: ENDPOINT, sampleRatio: 1 })))).toEqual([
    'tracing',
  ]);
});
