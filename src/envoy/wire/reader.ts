/**
 * Protocol Buffers' wire format, read in place: tags, lengths and skips over one Buffer, nothing copied.
 * Reflection over a CheckRequest costs more than the transport that brings it (docs/performance.md).
 */

/** Wire types (Protocol Buffers encoding, *Message structure*). Groups (3, 4) are refused. */
const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

const MAX_VARINT_BYTES = 10;

/** Reads fields one after the other; throws a RangeError on bytes that are no message. */
export class WireReader {
  /** The whole buffer, of which the message may be a part. */
  readonly bytes: Buffer;
  #position: number;
  #end: number;
  /** Of the field that `next` found: its number, and the bounds of its content. */
  field = 0;
  start = 0;
  end = 0;
  /** The value of a varint field, exact up to 2^53; NaN beyond, and for fields of other wire types. */
  value = 0;

  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  /** Goes through another message of the same buffer from here on. */
  enter(start: number, end: number): void {
    this.#position = start;
    this.#end = end;
  }

  /** A second reader, of the message that the present field holds. */
  inside(): WireReader {
    return new WireReader(this.bytes, this.start, this.end);
  }

  /** Moves to the next field; false at the end of the message. */
  next(): boolean {
    if (this.#position >= this.#end) return false;
    const tag = this.#varint();
    this.value = NaN;
    this.field = tag >>> 3;
    this.#content(tag & 7);
    if (this.end > this.#end || this.field === 0) throw new RangeError('a field runs past its message');
    this.#position = this.end;
    return true;
  }

  /** Content of the present field, when it is length-delimited. */
  utf8(): string {
    return this.bytes.toString('utf8', this.start, this.end);
  }

  /** Whether the content of the present field is exactly these bytes. */
  holds(wanted: Buffer): boolean {
    return this.end - this.start === wanted.length && standsAt(this.bytes, this.start, wanted);
  }

  /** A view, not a copy. */
  view(): Buffer {
    return this.bytes.subarray(this.start, this.end);
  }

  #content(wireType: number): void {
    switch (wireType) {
      case VARINT:
        this.value = this.#varint();
        this.start = this.end = this.#position;
        return;
      case LENGTH_DELIMITED: {
        const length = this.#varint();
        this.start = this.#position;
        this.end = this.start + length;
        return;
      }
      case FIXED64:
      case FIXED32:
        this.start = this.#position;
        this.end = this.start + (wireType === FIXED64 ? 8 : 4);
        return;
      default:
        throw new RangeError(`wire type ${wireType} is not used by Envoy`);
    }
  }

  /** Most are one byte: a field's number and type, the length of what is short. */
  #varint(): number {
    const byte = this.#position < this.#end ? (this.bytes[this.#position] ?? 0) : 0x80;
    if (byte >= 0x80) return this.#longVarint();
    this.#position += 1;
    return byte;
  }

  #longVarint(): number {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < MAX_VARINT_BYTES; count++) {
      const byte = this.#position < this.#end ? (this.bytes[this.#position++] ?? 0) : NaN;
      if (Number.isNaN(byte)) break;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : NaN;
      scale *= 128;
    }
    throw new RangeError('a varint is cut short or too long');
  }
}

/** Whether these bytes stand at `start`. Names differ early more often than late, and in ours the tail tells more than `x-telemetry-`. */
export function standsAt(message: Buffer, start: number, bytes: Buffer): boolean {
  for (let at = bytes.length - 1; at >= 0; at--) if (message[start + at] !== bytes[at]) return false;
  return true;
}
