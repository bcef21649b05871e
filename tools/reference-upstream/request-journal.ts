/** The last requests that reached the application, so that one can see what Envoy let through and what it did not. */
import { createHash } from 'node:crypto';

/** How many requests are remembered; part of the interface of the local federation. */
export const JOURNAL_LENGTH = 1_000;

/** One request as it arrived. Header bytes outside ASCII are shown as the Latin-1 characters of the same value. */
export interface JournalEntry {
  /** Grows by one with every request since the start of the process. */
  readonly sequence: number;
  /** ISO 8601, UTC. */
  readonly received_at: string;
  readonly method: string;
  /** The request target, query included. */
  readonly path: string;
  /** Name and value in the case, the order and the number in which they came. */
  readonly headers: readonly (readonly [string, string])[];
  /** 64 lower-case hex digits, of the empty body too. */
  readonly body_sha256: string;
}

/** What the journal needs to know of a request whose body has been read. */
export interface ArrivedRequest {
  readonly method: string;
  readonly path: string;
  /** Node's flat list: name, value, name, value. */
  readonly rawHeaders: readonly string[];
  readonly body: Uint8Array;
}

function pairs(rawHeaders: readonly string[]): (readonly [string, string])[] {
  const list: (readonly [string, string])[] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    list.push([rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '']);
  }
  return list;
}

/** A ring of the last `JOURNAL_LENGTH` requests. */
export class RequestJournal {
  readonly #ring: JournalEntry[] = [];
  #sequence = 0;

  /** Remembers a request, forgetting the oldest when the ring is full. */
  record(request: ArrivedRequest, receivedAtMs: number): void {
    const entry: JournalEntry = {
      sequence: this.#sequence + 1,
      received_at: new Date(receivedAtMs).toISOString(),
      method: request.method,
      path: request.path,
      headers: pairs(request.rawHeaders),
      body_sha256: createHash('sha256').update(request.body).digest('hex'),
    };
    this.#ring[this.#sequence % JOURNAL_LENGTH] = entry;
    this.#sequence += 1;
  }

  /** What is remembered, oldest first. */
  list(): JournalEntry[] {
    const oldest = this.#ring.length < JOURNAL_LENGTH ? 0 : this.#sequence % JOURNAL_LENGTH;
    return [...this.#ring.slice(oldest), ...this.#ring.slice(0, oldest)];
  }
}
