/**
 * The TCP listener of a verifier: opened by the settings of the start, and by those in force it is judged who may call. A
 * secret that was taken away is worth nothing from the next call on; a connection of a client whose name or authority
 * was taken away is asked to end, and then cut.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { isSameData } from '../config/secrets.js';
import type { TcpListenSettings } from '../config/settings.js';
import type { GrpcServer } from '../grpc/server.js';
import { SharedSecret } from '../grpc/shared-secret.js';
import { TcpMetrics } from '../observability/tcp-metrics.js';
import type { Parts } from './services.js';
import { TcpListener, type TcpRefusal } from '../grpc/tcp-listener.js';

const LOOK_MILLISECONDS = 20;
/** For calls under way over a connection that is no longer trusted. */
const RENEWAL_MILLISECONDS = 5_000;

export interface TcpFrontOptions {
  /** Those in force. That there are none needs a restart. */
  readonly settings: () => TcpListenSettings | undefined;
  /** Of this process. */
  readonly port: number;
  readonly refused: (reason: TcpRefusal) => void;
  readonly logger: Logger;
}

/** Said once for each reason; the counter goes on. */
const REFUSED =
  'a caller was not taken on listen.tcp (countersign_tcp_refused_total): docs/tcp-listener.md says what each reason means';

/** What the listener needs, where the settings have one; `number` is the worker's, counted from 0. */
export function tcpFrontOf(
  { live, registry, logger }: Pick<Parts, 'live' | 'registry' | 'logger'>,
  number = 0,
): TcpFrontOptions | undefined {
  const { tcp } = live.started.settings.listen;
  if (tcp === undefined) return undefined;
  const metrics = new TcpMetrics(registry, (reason) => logger.warn({ reason }, REFUSED));
  return {
    settings: () => live.current.settings.listen.tcp,
    port: tcp.port + number,
    refused: (reason) => metrics.refused(reason),
    logger,
  };
}

export class TcpFront {
  readonly #options: TcpFrontOptions;
  readonly #server: GrpcServer;
  readonly #listener: TcpListener;
  #settings: TcpListenSettings;
  #secret: SharedSecret | undefined;
  #isClosed = false;

  constructor(server: GrpcServer, options: TcpFrontOptions) {
    const settings = options.settings();
    if (settings === undefined) throw new Error('there is no listen.tcp');
    this.#options = options;
    this.#server = server;
    this.#settings = settings;
    this.#secret = secretOf(settings);
    this.#listener = new TcpListener({
      host: settings.host,
      port: options.port,
      tls: settings.tls,
      isKnownByTls: () => this.#secret === undefined,
      take: (connection, isKnown) => this.#serve(connection, isKnown),
      refused: options.refused,
    });
  }

  /** Rejects with a sentence. */
  async listen(): Promise<void> {
    const { host } = this.#settings;
    try {
      await this.#listener.listen();
    } catch (error) {
      const reason = (error as Error).message;
      throw new Error(`cannot listen on ${host}, port ${this.#options.port} (listen.tcp): ${reason}`, {
        cause: error,
      });
    }
  }

  /** Listens as soon as a predecessor has left the port. */
  listenWhenFree(): void {
    void this.#listenWhenFree();
  }

  /** Takes over what a reload has changed. */
  look(): void {
    const settings = this.#options.settings();
    if (settings === undefined || settings === this.#settings) return;
    const former = this.#settings;
    this.#settings = settings;
    this.#secret = secretOf(settings);
    if (settings.tls === undefined || isSameData(former.tls, settings.tls)) return;
    this.#listener.renew(settings.tls);
    if (!isNarrower(former, settings)) return;
    this.#listener.closeUnknown();
    this.#server.renewCallers(RENEWAL_MILLISECONDS);
  }

  /** Takes no connection any more. */
  close(): void {
    this.#isClosed = true;
    this.#listener.close();
  }

  #serve(...[connection, isKnown]: Parameters<ConstructorParameters<typeof TcpListener>[0]['take']>): void {
    this.#server.serve(connection, {
      admits: (headers) => {
        this.look();
        if (this.#secret?.isShownBy(headers) === false) return false;
        isKnown();
        return true;
      },
      turnedAway: () => this.#options.refused('secret'),
    });
  }

  async #listenWhenFree(): Promise<void> {
    let told = false;
    while (!this.#isClosed) {
      try {
        await this.listen();
        return;
      } catch (error) {
        if (!told)
          this.#options.logger.info({ reason: (error as Error).message }, 'waiting for the TCP port');
        told = true;
        await sleep(LOOK_MILLISECONDS);
      }
    }
  }
}

function secretOf({ secretHeader, secrets }: TcpListenSettings): SharedSecret | undefined {
  if (secrets.length === 0) return undefined;
  return new SharedSecret(
    secretHeader,
    secrets.map((secret) => secret()),
  );
}

/** Whether somebody may have lost what the connection was opened with. */
function isNarrower({ tls: former }: TcpListenSettings, { tls }: TcpListenSettings): boolean {
  if (former === undefined || tls === undefined) return false;
  const isKept = (name: string): boolean => tls.clientNames.includes(name);
  return former.clientAuthority !== tls.clientAuthority || !former.clientNames.every(isKept);
}
