/**
 * `make soak`: through the real Envoy at half of the measured capacity, for SOAK_SECONDS (default 1800). Memory and
 * latency are sampled and left as JSON and as a figure in bench-results/. Ends with 1 when anything but 202 came.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startFederation, type Federation } from '../../examples/local-federation/federation.js';
import { telemetry } from '../e2e/support/requests.js';
import { residentBytes } from '../support/resident-memory.js';
import { plot } from './plot.js';
import { memoryTrend, Window, type Sample } from './window.js';

const RESULTS_FOLDER = 'bench-results';
const DEFAULT_SECONDS = 1_800;
const CAPACITY_SECONDS = 10;
const WARM_UP_SECONDS = 5;
const CONNECTIONS = 32;
const SHARE_OF_CAPACITY = 0.5;
const SAMPLES = 180;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const megabytes = (pid: number | undefined): number => Math.round(residentBytes(pid ?? NaN) / 1_048_576);

function soakSeconds(): number {
  const text = process.env['SOAK_SECONDS'];
  return text !== undefined && /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : DEFAULT_SECONDS;
}

/** Sends one fresh event over a kept connection; resolves with the status, 0 for a broken connection. */
type Send = () => Promise<number>;

function sender({ environment, credentials }: Federation): Send {
  const { producerA: by, authority: ca } = credentials;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    ca,
    cert: by.certificate,
    key: by.certificateKey,
  });
  return () =>
    new Promise((resolve) => {
      const { method, path, headers, body } = telemetry({ by });
      const url = new URL(path, environment.COUNTERSIGN_URL);
      const sent = request(url, { method, agent, headers: Object.fromEntries(headers) }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      });
      sent.on('error', () => resolve(0)).end(body);
    });
}

/** Answers a second when every connection always has a request under way. */
async function capacity(send: Send, seconds: number): Promise<number> {
  const startMs = performance.now();
  let answered = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startMs < seconds * 1000) if ((await send()) === 202) answered++;
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, lane));
  return answered / ((performance.now() - startMs) / 1000);
}

/** At an even rate; latency counts from the moment at which a request was due. */
async function steady(send: Send, perSecond: number, seconds: number): Promise<Window> {
  const window = new Window();
  const underWay: Promise<void>[] = [];
  const startMs = performance.now();
  for (let number = 0; number < perSecond * seconds; number++) {
    const dueMs = startMs + (number * 1000) / perSecond;
    await sleep(Math.max(0, dueMs - performance.now()));
    underWay.push(send().then((status) => window.add(status, performance.now() - dueMs)));
  }
  await Promise.all(underWay);
  return window;
}

async function soak(federation: Federation, perSecond: number, seconds: number): Promise<Sample[]> {
  const send = sender(federation);
  const step = Math.max(2, Math.round(seconds / SAMPLES));
  const samples: Sample[] = [];
  const startMs = performance.now();
  while (performance.now() - startMs < seconds * 1000) {
    const window = await steady(send, perSecond, step);
    const sample: Sample = {
      seconds: Math.round((performance.now() - startMs) / 1000),
      p50: window.quantile(0.5),
      p99: window.quantile(0.99),
      statuses: window.statuses(),
      verifierMegabytes: megabytes(federation.pid('verifier')),
      envoyMegabytes: megabytes(federation.pid('envoy')),
    };
    samples.push(sample);
    say(JSON.stringify(sample));
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

const seconds = soakSeconds();
const place = mkdtempSync(join(tmpdir(), 'css-'));
const federation = await startFederation({ stateDirectory: place, lifetime: 'caller' });
try {
  const send = sender(federation);
  await capacity(send, WARM_UP_SECONDS);
  const answersPerSecond = await capacity(send, CAPACITY_SECONDS);
  const perSecond = Math.max(1, Math.floor(answersPerSecond * SHARE_OF_CAPACITY));
  say(`capacity ${Math.round(answersPerSecond)}/s; ${perSecond}/s for ${seconds} s`);
  const samples = await soak(federation, perSecond, seconds);
  const others = samples
    .flatMap(({ statuses }) => Object.keys(statuses))
    .filter((status) => status !== '202');
  const figures = {
    machine: { node: process.versions.node, cores: cpus().length },
    seconds,
    answersPerSecond: Math.round(answersPerSecond),
    perSecond,
    requests: samples
      .flatMap(({ statuses }) => Object.values(statuses))
      .reduce((sum, count) => sum + count, 0),
    otherStatuses: [...new Set(others)],
    verifierMegabytesAnHour: Math.round(memoryTrend(samples)),
  };
  mkdirSync(RESULTS_FOLDER, { recursive: true });
  writeFileSync(join(RESULTS_FOLDER, 'soak.json'), `${JSON.stringify({ ...figures, samples }, null, 2)}\n`);
  writeFileSync(join(RESULTS_FOLDER, 'soak.svg'), figure(samples, perSecond));
  say(`${JSON.stringify(figures)}\nleft in ${RESULTS_FOLDER}/soak.json and soak.svg`);
  if (others.length > 0) process.exitCode = 1;
} finally {
  await federation.stop();
  rmSync(place, { recursive: true, force: true });
}
process.exit();
