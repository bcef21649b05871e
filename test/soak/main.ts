/**
 * `make soak`: through the real Envoy at half of the capacity that it measures first, for SOAK_SECONDS (1800). Memory
 * and latency are sampled, told every half minute, and left as soak.json and soak.svg in bench-results/. Ends with 1
 * when anything but 202 came.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { startFederation, type Federation } from '../../tools/local-federation/federation.js';
import { residentBytes } from '../support/resident-memory.js';
import { capacity, sender, steady, type Send } from './load.js';
import { plot } from './plot.js';
import { memoryTrend, summed, type Sample } from './window.js';

const RESULTS_FOLDER = 'bench-results';
const DEFAULT_SECONDS = 1_800;
const WARM_UP_SECONDS = 5;
const CAPACITY_SECONDS = 10;
const SHARE_OF_CAPACITY = 0.5;
const SAMPLES = 180;
/** Nothing shorter has a trend: heap, nonce window and page cache still fill. */
const TREND_SECONDS = 600;
const PROGRESS_MILLISECONDS = 30_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const megabytes = (pid: number | undefined): number => Math.round(residentBytes(pid ?? NaN) / 104_857.6) / 10;
const tenths = (value: number): number => Math.round(value * 10) / 10;

function soakSeconds(): number {
  const text = process.env['SOAK_SECONDS'];
  if (text === undefined) return DEFAULT_SECONDS;
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new Error('SOAK_SECONDS is a whole number of seconds');
  return Number(text);
}

interface Course {
  readonly federation: Federation;
  readonly send: Send;
  readonly perSecond: number;
  readonly seconds: number;
}

async function soak({ federation, send, perSecond, seconds }: Course): Promise<Sample[]> {
  const step = Math.max(2, Math.round(seconds / SAMPLES));
  const samples: Sample[] = [];
  const startMs = performance.now();
  let toldMs = startMs;
  while (performance.now() - startMs < seconds * 1000) {
    const window = await steady(send, perSecond, step);
    const nowMs = performance.now();
    const sample: Sample = {
      seconds: Math.round((nowMs - startMs) / 1000),
      p50: tenths(window.quantile(0.5)),
      p99: tenths(window.quantile(0.99)),
      statuses: window.statuses(),
      verifierMegabytes: megabytes(federation.pid('verifier')),
      envoyMegabytes: megabytes(federation.pid('envoy')),
    };
    samples.push(sample);
    if (nowMs - toldMs < PROGRESS_MILLISECONDS) continue;
    toldMs = nowMs;
    say(JSON.stringify({ ...sample, statuses: summed(samples) }));
  }
  return samples;
}

function figure(samples: readonly Sample[], perSecond: number): string {
  const curve = (name: string, y: (sample: Sample) => number) => ({
    name,
    points: samples.map((sample) => [sample.seconds, y(sample)] as const),
  });
  return plot([
    {
      title: 'resident memory, MB',
      curves: [
        curve('verifier', (sample) => sample.verifierMegabytes),
        curve('Envoy', (sample) => sample.envoyMegabytes),
      ],
    },
    {
      title: `latency at ${perSecond} requests/s, ms`,
      curves: [curve('p99', (sample) => sample.p99), curve('p50', (sample) => sample.p50)],
    },
  ]);
}

/** The whole run in a few figures. */
function figuresOf(samples: readonly Sample[], { perSecond, seconds }: Course) {
  const p99s = samples.map(({ p99 }) => p99).sort((left, right) => left - right);
  const memory = samples.map(({ verifierMegabytes }) => verifierMegabytes);
  return {
    machine: {
      node: process.versions.node,
      cores: cpus().length,
      loadOfAMinute: tenths(loadavg()[0] ?? NaN),
    },
    seconds,
    perSecond,
    statuses: summed(samples),
    p99: { median: p99s[Math.floor(p99s.length / 2)], worst: p99s.at(-1) },
    verifierMegabytes: { first: memory[0], last: memory.at(-1), most: Math.max(...memory) },
    ...(seconds >= TREND_SECONDS && {
      megabytesAnHour: {
        verifier: tenths(memoryTrend(samples, ({ verifierMegabytes }) => verifierMegabytes)),
        envoy: tenths(memoryTrend(samples, ({ envoyMegabytes }) => envoyMegabytes)),
      },
    }),
  };
}

const seconds = soakSeconds();
const place = mkdtempSync(join(tmpdir(), 'css-'));
const federation = await startFederation({ stateDirectory: place, lifetime: 'caller' });
try {
  const send = sender(federation);
  await capacity(send, WARM_UP_SECONDS);
  const answersPerSecond = Math.round(await capacity(send, CAPACITY_SECONDS));
  const perSecond = Math.max(1, Math.floor(answersPerSecond * SHARE_OF_CAPACITY));
  say(`capacity ${answersPerSecond}/s; ${perSecond}/s for ${seconds} s`);
  const course = { federation, send, perSecond, seconds };
  const samples = await soak(course);
  const figures = { answersPerSecond, ...figuresOf(samples, course) };
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  writeFileSync(join(RESULTS_FOLDER, 'soak.json'), `${JSON.stringify({ ...figures, samples }, null, 2)}\n`);
  writeFileSync(join(RESULTS_FOLDER, 'soak.svg'), figure(samples, perSecond));
  say(`${JSON.stringify(figures, null, 2)}\nleft in ${RESULTS_FOLDER}/soak.json and soak.svg`);
  if (Object.keys(figures.statuses).some((status) => status !== '202')) process.exitCode = 1;
} finally {
  await federation.stop();
  rmSync(place, { recursive: true, force: true });
}
process.exit();
