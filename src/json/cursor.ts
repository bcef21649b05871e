import type { JsonFault } from './faults.js';

/** A place in a JSON text, and the first fault met there. Shared by the readers of strings, numbers and structure. */
export class Cursor {
  readonly bytes: Uint8Array;
  /** Index of the next unread byte. */
  at = 0;
  fault: JsonFault | undefined = undefined;
  /** Byte offset of `fault`. */
  faultOffset = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** Notes a fault; always false, so that a reader can return it. */
  fail(fault: JsonFault, offset: number): false {
    this.fault = fault;
    this.faultOffset = offset;
    return false;
  }

  /** Notes a fault that stands for the end of the text when the offset is there. */
  failUnlessEnd(fault: JsonFault, offset: number): false {
    return this.fail(offset >= this.bytes.length ? 'unexpected_end' : fault, offset);
  }
}
