/** A federation of a test's own, with eyes at both ends: what was recorded, and what reached the application. */
import './one-realm.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  startFederation,
  stopFederation,
  type Federation,
} from '../../../tools/local-federation/federation.js';
import type { FederationOptions } from '../../../tools/local-federation/federation-options.js';
import { fetchPage } from '../../../tools/local-federation/health.js';
import { layoutOf, makeFolders, type Layout } from '../../../tools/local-federation/layout.js';
import type { Ports } from '../../../tools/local-federation/ports.js';
import { writePrivateFile } from '../../../tools/local-federation/write-file.js';
import { AuditReader, type AuditRecord } from './audit-reader.js';
import { doorOf } from './door.js';
import { anyFreePort } from './free-port.js';
import { sendHttp1 } from './http1-client.js';
import { sendHttp2 } from './http2-client.js';
import type { Answer, Door, Outgoing, Protocol } from './outgoing.js';

/** A request as the reference upstream lists it. */
export interface Arrival {
  readonly sequence: number;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body_sha256: string;
}

/** All that is to be known of one exchange. */
export interface Seen {
  readonly answer: Answer;
  /** Written while the exchange was under way; the tests of a file run one after the other. */
  readonly records: readonly AuditRecord[];
  readonly arrivals: readonly Arrival[];
}

/** As those of an earlier run: two federations that start at once could choose the same by themselves. */
async function chooseOwnPorts(layout: Layout): Promise<void> {
  const ports: Ports = {
    listener: await anyFreePort(),
    envoyHealth: await anyFreePort(),
    envoyAdmin: await anyFreePort(),
    verifierAdmin: await anyFreePort(),
    application: await anyFreePort(),
    listing: await anyFreePort(),
  };
  makeFolders(layout);
  writePrivateFile(layout.portsFile, JSON.stringify(ports));
}

/** What a stage can be told; the place and the lifetime are its own affair. */
export type StageOptions = Omit<FederationOptions, 'stateDirectory' | 'lifetime'>;

export class Stage {
  readonly directory: string;
  #federation: Federation;
  #audit: AuditReader;

  private constructor(directory: string, federation: Federation) {
    this.directory = directory;
    this.#federation = federation;
    this.#audit = new AuditReader(join(federation.layout.audit, 'decisions.ndjson'));
  }

  /** Starts a federation in a new place. When that fails nothing of it is left running. */
  static async open(options: StageOptions = {}): Promise<Stage> {
    const directory = mkdtempSync(join(tmpdir(), 'cs-'));
    try {
      await chooseOwnPorts(layoutOf(directory));
      const federation = await startFederation({ ...options, stateDirectory: directory, lifetime: 'caller' });
      return new Stage(directory, federation);
    } catch (error) {
      await stopFederation(layoutOf(directory));
      throw error;
    }
  }

  /** Brings the federation to other options; what they do not touch goes on running. */
  async change(options: StageOptions): Promise<void> {
    this.#federation.gateway.close();
    this.#federation = await startFederation({
      ...options,
      stateDirectory: this.directory,
      lifetime: 'caller',
    });
  }

  get federation(): Federation {
    return this.#federation;
  }

  get door(): Door {
    return doorOf(this.#federation);
  }

  /** Sends one request and tells what it did. */
  exchange(protocol: Protocol, outgoing: Outgoing): Promise<Seen> {
    return this.watch(() => this.send(protocol, outgoing));
  }

  send(protocol: Protocol, outgoing: Outgoing): Promise<Answer> {
    return protocol === 'HTTP/1.1' ? sendHttp1(this.door, outgoing) : sendHttp2(this.door, outgoing);
  }

  /** Does something that ends in an answer and tells what was recorded and what arrived meanwhile. */
  async watch(act: () => Promise<Answer>): Promise<Seen> {
    this.#audit.skip();
    const before = (await this.arrivals()).at(-1)?.sequence ?? 0;
    const answer = await act();
    const arrivals = await this.arrivals();
    return {
      answer,
      records: this.#audit.next(),
      arrivals: arrivals.filter(({ sequence }) => sequence > before),
    };
  }

  /** Everything that reached the application, at most the last 1,000. */
  async arrivals(): Promise<Arrival[]> {
    const { body } = await fetchPage(
      `${this.#federation.environment.COUNTERSIGN_UPSTREAM_URL}/_reference/requests`,
    );
    return JSON.parse(body) as Arrival[];
  }

  /** The number of decisions with this code, by the verifier's metrics: also those that could not be recorded. */
  decisions(code: string): Promise<number> {
    return this.#counted('countersign_decisions_total', code);
  }

  /** The number of answers in the response path with this code. */
  feedback(code: string): Promise<number> {
    return this.#counted('countersign_feedback_answers_total', code);
  }

  /** The number of calls whose caller had gone before they were begun: nothing is decided about those. */
  forgotten(): Promise<number> {
    return this.#counted('countersign_calls_shed_total', 'cancelled', 'reason');
  }

  async #counted(metric: string, value: string, label = 'code'): Promise<number> {
    const { body } = await fetchPage(`${this.#federation.environment.COUNTERSIGN_ADMIN_URL}/metrics`);
    const lines = body
      .split('\n')
      .filter((line) => line.startsWith(`${metric}{`) && line.includes(`${label}="${value}"`));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** Stops everything and removes the place. */
  async close(): Promise<void> {
    await this.#federation.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
