/**
 * Runs a pod as the kubelet would: one network of its own, its containers in cells, native sidecars one after the
 * other, each gated by its start-up probe; and ends it: every preStop at once, then SIGTERM to the application, and
 * to the sidecars in the opposite order.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { collect, startInCell, type CellOptions, type Ended } from '../../container/support/cell.js';
import { containerCell, layVolumes, type PodVolumes } from './container-cell.js';
import type { CellImage } from './images.js';
import { containersOf, type Container, type PodSpec, type Probe } from './manifests.js';
import { connectScript, getScript } from './probe-scripts.js';

/** How the pod is run. */
export interface PodOptions extends PodVolumes {
  /** By the name of the container. */
  readonly images: ReadonlyMap<string, CellImage>;
  /** The pod's own address, to which the kubelet's probes go. Default: loopback, over IPv4. */
  readonly address?: string;
  /** A pod whose network this one shares, so that the two reach each other. */
  readonly beside?: Pod;
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

/** Also in a pod of a cluster that has IPv6 alone: the kernel gives it to every loopback interface. */
const LOOPBACK = '127.0.0.1';
/** Ends with its standard input, and so with the test, whatever happens to that. */
const networkOf = (address: string): string =>
  address === LOOPBACK
    ? 'ip link set lo up && exec cat'
    : `ip link set lo up && ip address add ${address} dev lo && exec cat`;

export class Pod {
  readonly address: string;
  readonly #options: PodOptions;
  readonly #network: ChildProcess;
  readonly #running: Running[] = [];

  private constructor(options: PodOptions) {
    this.#options = options;
    this.address = options.address ?? LOOPBACK;
    this.#network = options.beside === undefined ? newNetwork(this.address) : options.beside.#network;
  }

  /** Starts every container; throws with the log of the one that does not start. */
  static async start(options: PodOptions): Promise<Pod> {
    const pod = new Pod(options);
    try {
      layVolumes(options);
      await pod.#networkIsUp();
      for (const container of containersOf(options.spec)) {
        if (isStep(options.spec, container)) {
          await pod.#completes(container);
          continue;
        }
        pod.#running.push(pod.#started(container));
        if (container.startupProbe !== undefined) await pod.#passes(container, container.startupProbe);
      }
      return pod;
    } catch (error) {
      await pod.kill();
      throw error;
    }
  }

  /** Waits until every readiness probe passes; throws when one does not within `limitSeconds`. */
  async becomesReady(limitSeconds: number): Promise<void> {
    const end = performance.now() + limitSeconds * 1000;
    for (const { container } of this.#running) {
      const { readinessProbe } = container;
      if (readinessProbe === undefined) continue;
      const ask = () => this.probe(container.name, readinessProbe);
      for (let last = await ask(); last.code !== 0; last = await ask()) {
        if (performance.now() > end)
          throw new Error(`${container.name} is not ready: ${last.output}\n${this.log(container.name)}`);
        await pause(500);
      }
    }
  }

  /** Lays a volume by what its objects say now. */
  refresh(name: string): void {
    layVolumes(this.#options, name);
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
    const script =
      httpGet === undefined ? connectScript(port, this.address) : getScript(port, httpGet.path, this.address);
    return this.runBeside([process.execPath, '-e', script]);
  }

  /** Ends a container by SIGKILL. */
  async crash(name: string): Promise<void> {
    const { process: child, ended } = this.#container(name);
    child.kill('SIGKILL');
    await ended;
  }

  /** Starts a container again that has died, as the kubelet does. */
  async restart(name: string): Promise<void> {
    const running = this.#container(name);
    this.#running.splice(this.#running.indexOf(running), 1, this.#started(running.container));
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
    this.#endNetwork();
    return ends;
  }

  /** Ends whatever is left, at once. */
  async kill(): Promise<void> {
    for (const { process: child } of this.#running) child.kill('SIGKILL');
    await Promise.all(this.#running.map(({ ended }) => ended));
    this.#endNetwork();
  }

  #endNetwork(): void {
    if (this.#options.beside === undefined) this.#network.kill('SIGKILL');
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

  #started(container: Container): Running {
    const { entrypoint } = this.#image(container);
    const command = [...(container.command ?? entrypoint), ...(container.args ?? [])];
    const child = startInCell(this.#cell(container, command));
    const log: string[] = [];
    for (const stream of [child.stdout!, child.stderr!])
      stream.on('data', (chunk: Buffer) => log.push(chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    return { container, process: child, log, ended };
  }

  #image({ name }: Container): CellImage {
    return this.#options.images.get(name)!;
  }

  #cell(container: Container, command: readonly string[]): CellOptions {
    const cell = containerCell(this.#options, container, this.#image(container), command);
    return { ...cell, networkOf: this.#network.pid! };
  }

  /** Runs an init container that is no sidecar; throws with its words when it does not end well. */
  async #completes(container: Container): Promise<void> {
    const { ended, log } = this.#started(container);
    const code = await ended;
    if (code !== 0) throw new Error(`${container.name} ended with ${code}:\n${log.join('')}`);
  }

  async #networkIsUp(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      if (this.runBeside(['ip', '-o', 'address', 'show', 'dev', 'lo']).output.includes(this.address)) return;
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
      if (this.#container(container.name).process.exitCode !== null) break;
      await pause((probe.periodSeconds ?? 10) * 1000);
    }
    throw new Error(`${container.name} did not start: ${last}\n${this.log(container.name)}`);
  }
}

function isStep({ initContainers = [] }: PodSpec, container: Container): boolean {
  return initContainers.includes(container) && container.restartPolicy !== 'Always';
}

function newNetwork(address: string): ChildProcess {
  return spawn('unshare', ['--net', '/bin/sh', '-c', networkOf(address)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
}

function portOf({ ports = [] }: Container, port: string | number): number {
  return typeof port === 'number' ? port : ports.find(({ name }) => name === port)!.containerPort;
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
