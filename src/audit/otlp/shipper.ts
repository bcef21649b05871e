/**
 * Ships the records of a log to a collector, by OTLP over HTTP with JSON (OpenTelemetry protocol 1.x, "OTLP/HTTP"). Fed by what was
 * committed, in order, one request at a time; how far it has come is kept in a file, so that an outage or a
 * restart loses nothing and a record comes at least once. A collector that is away is asked again, ever less often.
 */
import { decodeEntries } from '../../tlog/entries.js';
import { TILE_WIDTH } from '../../tlog/merkle.js';
import { otlpRequest } from '../export/otlp.js';
import type { ExportedRecord } from '../export/meaning.js';
import type { HolderAccount, HolderStatus } from '../holders/holder-status.js';
import { readProgress, sizeIn, writeProgress } from '../holders/progress-file.js';
import type { SealedLog } from '../holders/sealed-log.js';
import type { HttpPeer, PeerAnswer } from '../../storage/http/http-peer.js';
import { parseRecord } from '../read/record-filter.js';

/** What shipping needs. */
export interface ShipperOptions {
  readonly log: Pick<SealedLog, 'bundle'>;
  readonly origin: string;
  /** Ours. */
  readonly version: string;
  /** Host or pod: `service.instance.id`. */
  readonly instance: string;
  readonly peer: Pick<HttpPeer, 'exchange' | 'close'>;
  /** Where requests go on the server, such as `/v1/logs`. */
  readonly path: string;
  /** Of every request, read anew for each as tokens change. Throws a sentence. */
  readonly headers: () => Readonly<Record<string, string>>;
  readonly account: HolderAccount;
  readonly progressPath: string;
  readonly report: (message: string, members: Readonly<Record<string, unknown>>) => void;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
}

/** What a collector takes at once by default is far more (20 MiB). */
const MAX_BATCH_RECORDS = TILE_WIDTH;
const MAX_BATCH_BYTES = 2_097_152;
/** The record alone is at fault, whenever it is sent (OTLP/HTTP, "Failures"). */
const REFUSES_THE_DATA: ReadonlySet<number> = new Set([400, 413, 422]);

/** What became of one request. */
type Sent = 'accepted' | 'refused' | 'failed';

export class Shipper {
  readonly #options: ShipperOptions;
  #committed = 0;
  #position: number | undefined;
  #limit = MAX_BATCH_RECORDS;
  #rejected = 0;
  #hasAccepted = false;

  constructor(options: ShipperOptions) {
    this.#options = options;
  }

  /** The log has this many records. */
  committed(size: number): void {
    this.#committed = size;
    this.#options.account.sees(size);
  }

  /** Records that the collector has taken, or refused for good. */
  get shipped(): number {
    return this.#position ?? 0;
  }

  /** `rejected`: records that the collector will not take, whenever they are sent. */
  status(): HolderStatus & { readonly rejected: number } {
    return { ...this.#options.account.status(), rejected: this.#rejected };
  }

  /** Ships until nothing is left or the collector fails. Never rejects. */
  async ship(): Promise<void> {
    const { account } = this.#options;
    try {
      let position = (this.#position ??= await this.#restore());
      while (position < this.#committed && account.mayTry) {
        account.aims(this.#committed);
        const records = await this.#batch(position);
        const sent = await this.#send(records);
        if (sent === 'failed') return;
        if (sent === 'refused' && records.length > 1) continue;
        position += records.length;
        this.#position = position;
        account.has(position);
        account.succeeded();
        await writeProgress(this.#options.progressPath, { origin: this.#options.origin, size: position });
      }
    } catch (error) {
      account.failed(error instanceof Error ? error.message : String(error));
    }
  }

  /** A position of another log, or beyond this one, is none: then everything is shipped. */
  async #restore(): Promise<number> {
    const kept = await readProgress(this.#options.progressPath);
    const isOurs = (kept as { origin?: unknown } | undefined)?.origin === this.#options.origin;
    const size = isOurs ? sizeIn(kept, 'size') : 0;
    const position = size <= this.#committed ? size : 0;
    this.#options.account.has(position);
    return position;
  }

  /** The next records, of one bundle. */
  async #batch(position: number): Promise<ExportedRecord[]> {
    const bundle = Math.floor(position / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, this.#committed - bundle * TILE_WIDTH);
    const entries = decodeEntries(await this.#options.log.bundle(bundle, width), width);
    const records: ExportedRecord[] = [];
    let bytes = 0;
    for (const entry of entries.slice(position % TILE_WIDTH)) {
      bytes += entry.length;
      if (records.length > 0 && (records.length >= this.#limit || bytes > MAX_BATCH_BYTES)) break;
      records.push({
        index: position + records.length,
        text: entry.toString('utf8'),
        record: parseRecord(entry) ?? {},
      });
    }
    return records;
  }

  async #send(records: readonly ExportedRecord[]): Promise<Sent> {
    const { peer, path, origin, version, instance, nowMs, headers } = this.#options;
    const body = Buffer.from(otlpRequest(records, { origin, version, instance }, nowMs()));
    const answer = await peer.exchange({
      method: 'POST',
      path,
      headers: { ...headers(), 'content-type': 'application/json' },
      body,
    });
    return this.#judge(answer, records);
  }

  /** What the collector refuses is sent in halves, down to the one record that it will not take, which is told of and passed over. */
  #judge(answer: PeerAnswer, records: readonly ExportedRecord[]): Sent {
    const { account } = this.#options;
    if (answer.ok && answer.status >= 200 && answer.status < 300) {
      this.#hasAccepted = true;
      this.#limit = Math.min(MAX_BATCH_RECORDS, this.#limit * 2);
      this.#noteRejected(rejectedIn(answer.body), records);
      return 'accepted';
    }
    if (answer.ok && REFUSES_THE_DATA.has(answer.status)) {
      this.#limit = Math.max(1, Math.floor(records.length / 2));
      if (records.length > 1) return 'refused';
      // Whoever never took one may be no collector at all: then nothing is passed over.
      if (this.#hasAccepted || this.shipped > 0) {
        this.#noteRejected(1, records);
        return 'refused';
      }
    }
    account.failed(answer.ok ? `answers with status ${answer.status}` : answer.reason);
    return 'failed';
  }

  #noteRejected(count: number, records: readonly ExportedRecord[]): void {
    if (count === 0) return;
    this.#rejected += count;
    const first = records[0]?.index ?? 0;
    this.#options.report('the collector has refused records', {
      count,
      first,
      last: first + records.length - 1,
    });
  }
}

/** `partialSuccess.rejectedLogRecords` of an `ExportLogsServiceResponse`; these must not be sent again. */
function rejectedIn(body: Buffer): number {
  try {
    const answer = JSON.parse(body.toString('utf8')) as {
      partialSuccess?: { rejectedLogRecords?: string | number };
    } | null;
    const count = Number(answer?.partialSuccess?.rejectedLogRecords ?? 0);
    return Number.isSafeInteger(count) && count > 0 ? count : 0;
  } catch {
    return 0;
  }
}
