/** The examples, run as their headers say: producers and a consumer against a federation before the example upstream. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseUpstream } from '../../tools/local-federation/options.js';
import { fetchPage } from '../../tools/local-federation/health.js';
import { until } from '../support/until.js';
import { anyFreePort } from './support/free-port.js';
import { pythonWithCryptography } from './support/python.js';
import { Stage } from './support/stage.js';

let upstream: ChildProcess;
let stage: Stage;
let url: string;
/** By the upstream. */
let said = '';

beforeAll(async () => {
  const port = await anyFreePort();
  url = `http://127.0.0.1:${port}`;
  upstream = spawn(process.execPath, ['dist/examples/upstream.js', String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  upstream.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const answers = (): Promise<boolean> =>
    fetchPage(url).then(
      () => true,
      () => false,
    );
  await until('the example upstream answers', answers);
  stage = await Stage.open({ upstream: parseUpstream(url) });
}, 240_000);
afterAll(async () => {
  upstream.kill();
  await stage.close();
}, 90_000);

function run(program: string, argumentsOfIt: readonly string[]): string {
  const { layout } = stage.federation;
  const { stdout, stderr } = spawnSync(program, argumentsOfIt, {
    cwd: layout.root,
    encoding: 'utf8',
    timeout: 60_000,
  });
  return stdout + stderr;
}
const example = (name: string): string =>
  run(process.execPath, [
    `--env-file=${stage.federation.layout.environmentFile}`,
    `dist/examples/${name}.js`,
  ]);

test('the upstream believes nobody who did not come past the verifier', async () => {
  expect(await fetchPage(url)).toMatchObject({ status: 403 });
});

test('the producers submit an execution, and the consumer binds the signed answer to it', () => {
  expect(example('producer')).toBe('202 accepted\n');
  const inPython = [join('examples', 'producer.py'), stage.federation.layout.environmentFile];
  expect(run(pythonWithCryptography(), inPython)).toMatch(/^202 \{"request_id":.*"accepted"/);
  expect(example('consumer')).toBe('verified, 1 bound\nurn:robot:1 may go on: true\n');
});

const withoutValues = (program: string, argumentsOfIt: readonly string[]) =>
  spawnSync(program, argumentsOfIt, { encoding: 'utf8', env: { PATH: process.env['PATH'] } });

test.each([
  ['producer.js', () => withoutValues(process.execPath, ['dist/examples/producer.js'])],
  ['consumer.js', () => withoutValues(process.execPath, ['dist/examples/consumer.js'])],
  ['producer.py', () => withoutValues(pythonWithCryptography(), ['examples/producer.py'])],
  ['producer.py', () => withoutValues(pythonWithCryptography(), ['examples/producer.py', 'nothing.env'])],
])('%s, without what its header asks for, says so in one sentence', (_name, start) => {
  const { status, stdout, stderr } = start();
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).toMatch(/^.*(?:see examples|usage: |No such file).*\n$/);
});

test('the upstream says where it listens', () => {
  expect(said).toBe(`listens at ${url}\n`);
});

test.each(['producer.ts', 'consumer.ts', 'upstream.ts', 'producer.py'])('%s is short', (name) => {
  expect(readFileSync(join('examples', name), 'utf8').split('\n').length).toBeLessThanOrEqual(61);
});
