/**
 * `envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs` as a method of the transport. Envoy sends and expects no
 * answer; it is told to go elsewhere by the end of the stream.
 */
import type { StreamCall, StreamHandler, StreamMethod } from '../../grpc/method.js';
import { OVERLOADED } from '../../grpc/method.js';
import type { Health } from '../../observability/health.js';
import type { AccessLogCollector } from './collector.js';
import { REQUEST_LOG } from './delivery.js';
import { readAccessLogMessage } from './read-message.js';

export const STREAM_ACCESS_LOGS_METHOD = '/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs';

/** Two of each thread of each Envoy, and more than any machine has. */
const MAX_STREAMS = 1_024;

const NOT_SERVED: StreamHandler = {
  message: () => undefined,
  halfClosed: () => undefined,
  closed: () => undefined,
};

/** Takes the entries of every stream to the collector. At shutdown all of them are ended, and Envoy opens others; what it had sent by then is read. */
export function accessLogMethod(
  collector: AccessLogCollector,
  health: Pick<Health, 'onShutdown'>,
): StreamMethod {
  let open = 0;
  return {
    kind: 'stream',
    takesAll: true,
    open: (call) => {
      if (open === MAX_STREAMS) {
        call.end(OVERLOADED);
        return NOT_SERVED;
      }
      open++;
      const forget = health.onShutdown(() => call.end());
      return new AccessLogStream(call, collector, () => {
        open--;
        forget();
      });
    },
  };
}

class AccessLogStream implements StreamHandler {
  readonly #call: StreamCall;
  readonly #collector: AccessLogCollector;
  readonly #onClosed: () => void;
  /** Its number; undefined until Envoy has said whose stream it is. */
  #number: number | undefined;
  #logName = '';
  #entries = 0;

  constructor(call: StreamCall, collector: AccessLogCollector, onClosed: () => void) {
    this.#call = call;
    this.#collector = collector;
    this.#onClosed = onClosed;
  }

  message(message: Buffer): void {
    const read = readAccessLogMessage(message);
    this.#logName = read.logName ?? this.#logName;
    this.#number ??= this.#collector.opened(this.#logName);
    this.#entries += read.requests.length + read.connections.length;
    this.#collector.take(read, this.#logName);
  }

  /** All streams together take turns with the peers whose checks wait, and what anybody can bring about with what became of allows. */
  lane(): string {
    return this.#logName === REQUEST_LOG ? 'access log' : 'access log of others';
  }

  shed(): void {
    this.#collector.overloaded();
  }

  halfClosed(): void {
    this.#call.end();
  }

  closed(): void {
    this.#onClosed();
    if (this.#number !== undefined) this.#collector.ended(this.#number, this.#logName, this.#entries);
  }
}
