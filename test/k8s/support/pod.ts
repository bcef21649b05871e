/**
 * Runs a pod as the kubelet would: one network of its own, its containers in cells, native sidecars one after the
 * other, each gated by its start-up probe; and ends it: every preStop at once, then SIGTERM to the application, and
 * to the sidecars in the opposite order.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { startInCell, type CellOptions, type Ended, type Mount } from '../../container/support/cell.js';
import type { CellImage } from './images.js';
import { containersOf, type Container, type PodSpec, type Probe } from './manifests.js';
import { layVolume, type Objects } from './volumes.js';

/** How the pod is run. */
export interface PodOptions {
  readonly spec: PodSpec;
  readonly objects: Objects;
  /** By the name of the container. */
  readonly images: ReadonlyMap<string, CellImage>;
  /** A folder for the volumes. */
  readonly place: string;
}

/** What is told of a container that ended. */
export interface ContainerEnd {
  readonly name: string;
  readonly code: number | null;
  readonly atSeconds: number;
}

interface Running {
  readonly container: Container;
  readonly process: ChildProcess;
  readonly log: string[];
  readonly ended: Promise<number | null>;
}

const NETWORK = 'ip link set lo up && exec sleep 3600';

export class Pod {
  readonly #options: PodOptions;
  readonly #network: ChildProcess;
  readonly #running: Running[] = [];

  private constructor(options: PodOptions) {
    this.#options = options;
    this.#network = spawn('unshare', ['--net', '/bin/sh', '-c', NETWORK], { stdio: 'ignore' });
  }

  /** Starts every container; throws with the log of the one that does not start. */
  static async start(options: PodOptions): Promise<Pod> {
    const pod = new Pod(options);
    try {
      for (const volume of options.spec.volumes ?? []) pod.refresh(volume.name);
      await pod.#networkIsUp();
      for (const container of containersOf(options.spec)) {
        pod.#startContainer(container);
        if (container.startupProbe !== undefined) await pod.#passes(container, container.startupProbe);
      }
      return pod;
    } catch (error) {
      await pod.kill();
      throw error;
    }
  }

  /** Lays a volume by what its objects say now. */
  refresh(name: string): void {
    const { spec, objects, place } = this.#options;
    const volume = spec.volumes!.find((each) => each.name === name)!;
    layVolume(this.#folder(place, name), volume, objects, spec.securityContext!.fsGroup!);
  }

  /** What the named container has written. */
  log(name: string): string {
    return this.#container(name).log.join('');
  }

  /** Runs a command of the manifests in the container's own cell. */
  async exec(name: string, command: readonly string[], timeoutSeconds = 30): Promise<Ended> {
    return collect(startInCell(this.#cell(this.#container(name).container, command)), timeoutSeconds);
  }

  /** Runs a program of this machine in the pod's network. */
  runBeside(command: readonly string[], input?: string): Ended {
    const [file, ...parameters] = ['nsenter', `--net=/proc/${this.#network.pid!}/ns/net`, ...command];
    const { status, stdout, stderr } = spawnSync(file, parameters, {
      encoding: 'utf8',
      input,
      timeout: 30_000,
    });
    return { code: status, output: stdout + stderr };
  }

  /** One run of a probe, as its container has it. */
  async probe(name: string, probe: Probe): Promise<Ended> {
    const { container } = this.#container(name);
    const { exec, httpGet, tcpSocket, timeoutSeconds = 1 } = probe;
    if (exec !== undefined) return this.exec(name, exec.command, timeoutSeconds);
    const port = portOf(container, (httpGet ?? tcpSocket)!.port);
    const script = httpGet === undefined ? connectScript(port) : getScript(port, httpGet.path);
    return this.runBeside([process.execPath, '-e', script]);
  }

  /** Ends a container by SIGKILL and starts it again, as the kubelet does with one that has died. */
  async restart(name: string): Promise<void> {
    const running = this.#container(name);
    running.process.kill('SIGKILL');
    await running.ended;
    this.#running.splice(this.#running.indexOf(running), 1);
    this.#startContainer(running.container);
    await this.#passes(running.container, running.container.startupProbe!);
  }

  /** Ends the pod in the kubelet's order. `meanwhile` runs while the preStop hooks do. */
  async stop(meanwhile: () => Promise<void> | void): Promise<ContainerEnd[]> {
    const started = performance.now();
    const seconds = () => (performance.now() - started) / 1000;
    await Promise.all([...this.#running.map(({ container }) => this.#preStop(container)), meanwhile()]);
    const ends: ContainerEnd[] = [];
    for (const { container, process: child, ended } of this.#inOrderOfStop()) {
      child.kill('SIGTERM');
      ends.push({ name: container.name, code: await ended, atSeconds: seconds() });
    }
    this.#network.kill('SIGKILL');
    return ends;
  }

  /** Ends whatever is left, at once. */
  async kill(): Promise<void> {
    for (const { process: child } of this.#running) child.kill('SIGKILL');
    await Promise.all(this.#running.map(({ ended }) => ended));
    this.#network.kill('SIGKILL');
  }

  #inOrderOfStop(): Running[] {
    const isSidecar = ({ container }: Running) => container.restartPolicy === 'Always';
    return [
      ...this.#running.filter((each) => !isSidecar(each)),
      ...this.#running.filter(isSidecar).reverse(),
    ];
  }

  async #preStop(container: Container): Promise<void> {
    const { exec, sleep } = container.lifecycle?.preStop ?? {};
    if (sleep !== undefined) await pause(sleep.seconds * 1000);
    if (exec === undefined) return;
    const limit = this.#options.spec.terminationGracePeriodSeconds!;
    const { code, output } = await this.exec(container.name, exec.command, limit);
    if (code !== 0) throw new Error(`preStop of ${container.name} failed:\n${output}`);
  }

  #container(name: string): Running {
    return this.#running.find(({ container }) => container.name === name)!;
  }

  #folder(place: string, name: string): string {
    return join(place, 'volumes', name);
  }

  #startContainer(container: Container): void {
    const { entrypoint } = this.#image(container);
    const command = [...(container.command ?? entrypoint), ...(container.args ?? [])];
    const child = startInCell(this.#cell(container, command));
    const log: string[] = [];
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => log.push(chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    this.#running.push({ container, process: child, log, ended });
  }

  #image({ name }: Container): CellImage {
    return this.#options.images.get(name)!;
  }

  #cell(container: Container, command: readonly string[]): CellOptions {
    const { spec, place } = this.#options;
    const { root, mounts } = this.#image(container);
    const security = { ...spec.securityContext, ...container.securityContext };
    const volumes = (container.volumeMounts ?? []).map(({ name, mountPath, readOnly = false }): Mount => ({
      source: this.#folder(place, name),
      target: mountPath,
      readOnly,
    }));
    return {
      root,
      mounts: [...mounts, ...volumes],
      user: security.runAsUser!,
      group: security.runAsGroup!,
      groups: [security.fsGroup!],
      networkOf: this.#network.pid!,
      command,
    };
  }

  async #networkIsUp(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (this.runBeside(['ip', '-o', 'address', 'show', 'dev', 'lo']).output.includes('127.0.0.1')) return;
      await pause(50);
    }
    throw new Error('the network of the pod did not come up');
  }

  async #passes(container: Container, probe: Probe): Promise<void> {
    let last = '';
    for (let attempt = 0; attempt < (probe.failureThreshold ?? 3); attempt += 1) {
      const { code, output } = await this.probe(container.name, probe);
      if (code === 0) return;
      last = output;
      await pause((probe.periodSeconds ?? 10) * 1000);
    }
    throw new Error(`${container.name} did not start: ${last}\n${this.log(container.name)}`);
  }
}

function portOf({ ports = [] }: Container, port: string | number): number {
  return typeof port === 'number' ? port : ports.find(({ name }) => name === port)!.containerPort;
}

function connectScript(port: number): string {
  return `require('net').connect(${port},'127.0.0.1').on('connect',()=>process.exit(0)).on('error',(e)=>{console.error(e.message);process.exit(1)})`;
}

function getScript(port: number, path: string): string {
  return `fetch('http://127.0.0.1:${port}${path}').then(async(r)=>{console.log(r.status,await r.text());process.exit(r.ok?0:1)},(e)=>{console.error(String(e.cause));process.exit(1)})`;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function collect(child: ChildProcess, timeoutSeconds: number): Promise<Ended> {
  const output: string[] = [];
  for (const stream of [child.stdout!, child.stderr!])
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutSeconds * 1000);
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, output: output.join('') });
    }),
  );
}
