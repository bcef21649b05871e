/** A real OTLP receiver on loopback (test/oracle/otlp), and what it has taken. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { anyFreePort } from '../../e2e/support/free-port.js';
import { until } from '../until.js';
import { endChild } from '../end-child.js';

const SCRIPT = new URL('../../../scripts/otlp-collector.sh', import.meta.url);

/** A value in OTLP/JSON, as far as these tests look at it. */
interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string };
}

/** One log record as the receiver understood it. */
export interface TakenRecord {
  readonly timeUnixNano: string;
  readonly observedTimeUnixNano: string;
  readonly severityNumber: number;
  readonly severityText: string;
  readonly eventName?: string;
  readonly body: { readonly stringValue: string };
  readonly attributes: readonly Attribute[];
}

/** One span as the receiver understood it. */
export interface TakenSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly Attribute[];
  readonly status: { readonly code?: number };
}

interface TakenRequest {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly TakenSpan[] }[];
  }[];
  readonly resourceLogs?: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeLogs: readonly { readonly logRecords: readonly TakenRecord[] }[];
  }[];
}

/** What an attribute says. */
export function attribute(attributes: readonly Attribute[] | undefined, key: string): string | undefined {
  const value = attributes?.find((each) => each.key === key)?.value;
  return value?.stringValue ?? value?.intValue;
}

export class OtlpCollector {
  readonly port: number;
  readonly requests: TakenRequest[] = [];
  readonly #files: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, files: readonly string[]) {
    this.port = port;
    this.#files = files;
  }

  /** `certificate` and `key`: files, for TLS. */
  static async start(...files: readonly string[]): Promise<OtlpCollector> {
    const collector = new OtlpCollector(await anyFreePort(), files);
    await collector.start();
    return collector;
  }

  get records(): TakenRecord[] {
    return this.requests
      .flatMap(({ resourceLogs = [] }) => resourceLogs)
      .flatMap(({ scopeLogs }) => scopeLogs)
      .flatMap(({ logRecords }) => logRecords);
  }

  get spans(): TakenSpan[] {
    return this.requests
      .flatMap(({ resourceSpans = [] }) => resourceSpans)
      .flatMap(({ scopeSpans }) => scopeSpans)
      .flatMap(({ spans }) => spans);
  }

  async start(): Promise<void> {
    const child = spawn(binary(), [`127.0.0.1:${this.port}`, ...this.#files], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#process = child;
    let isListening = false;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'listening') isListening = true;
      else this.requests.push(JSON.parse(line) as TakenRequest);
    });
    await until('the collector listens', () => isListening);
  }

  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    await endChild(child);
  }
}

function binary(): string {
  const found = execFileSync(fileURLToPath(SCRIPT), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  return found.trim().split('\n').at(-1) ?? '';
}
