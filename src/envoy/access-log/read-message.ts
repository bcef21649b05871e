/** `envoy.service.accesslog.v3.StreamAccessLogsMessage`: a batch of entries, of requests or of connections. */
import { WireReader } from '../wire/reader.js';
import type { ConnectionEntry, HttpEntry } from './entry.js';
import { MAX_TEXT_BYTES, readConnectionEntry, readHttpEntry } from './read-entry.js';

/** What is read of a message. */
export interface AccessLogMessage {
  /** Only the first message of a stream has one. */
  readonly logName: string | undefined;
  readonly requests: readonly HttpEntry[];
  readonly connections: readonly ConnectionEntry[];
  /** Entries, or rests of a message, that could not be read. What could be stands beside them. */
  readonly malformed: number;
}

/** Reads as much as can be read; never throws. */
export function readAccessLogMessage(message: Buffer): AccessLogMessage {
  const walk = new MessageWalk();
  walk.guarded(() => walk.message(new WireReader(message)));
  return walk;
}

class MessageWalk implements AccessLogMessage {
  logName: string | undefined;
  readonly requests: HttpEntry[] = [];
  readonly connections: ConnectionEntry[] = [];
  malformed = 0;

  /** Identifier=1, http_logs=2, tcp_logs=3, both { log_entry=1, repeated }. */
  message(reader: WireReader): void {
    while (reader.next()) {
      if (reader.field === 1) this.#identifier(reader.inside());
      else if (reader.field === 2)
        this.#each(reader.inside(), (entry) => this.requests.push(readHttpEntry(entry)));
      else if (reader.field === 3)
        this.#each(reader.inside(), (entry) => this.connections.push(readConnectionEntry(entry)));
    }
  }

  /** An entry that cannot be read takes no other one with it. */
  guarded(step: () => void): void {
    try {
      step();
    } catch {
      this.malformed++;
    }
  }

  /** Identifier: node=1, which names all that this Envoy can do, and log_name=2. */
  #identifier(reader: WireReader): void {
    while (reader.next())
      if (reader.field === 2)
        this.logName = reader.bytes.toString(
          'utf8',
          reader.start,
          Math.min(reader.end, reader.start + MAX_TEXT_BYTES),
        );
  }

  #each(reader: WireReader, read: (entry: WireReader) => void): void {
    while (reader.next()) if (reader.field === 1) this.guarded(() => read(reader));
  }
}
