/**
 * Frames of a write-ahead file: what was appended at once is there whole or not at all, and what the disk has changed
 * is noticed. A frame is a line `K length crc`, with both numbers in eight hex digits, and `length` bytes behind it.
 */
import { crc32 } from 'node:zlib';

/** `H`: who owns the file, as JSON. `R`: records, one a line. `E`: the owner has closed, and appends nothing more. */
export type FrameKind = 'H' | 'R' | 'E';

/** A frame that is whole. */
export interface Frame {
  readonly kind: FrameKind;
  /** Shares the memory that was scanned. */
  readonly payload: Buffer;
}

/** What lies at a place of a file. */
export type Scanned =
  | { readonly kind: 'frame'; readonly frame: Frame; readonly bytes: number }
  /** Its beginning is there; `needed` bytes would be the whole of it, as far as is known. */
  | { readonly kind: 'incomplete'; readonly needed: number }
  | { readonly kind: 'damaged' };

/** Bytes before a frame's payload. */
export const FRAME_HEAD_BYTES = 20;
/** More than all the lines that a log lets wait. */
const MAX_PAYLOAD_BYTES = 512 * 1_048_576;
const HEAD = /^([HRE]) ([0-9a-f]{8}) ([0-9a-f]{8})\n$/;
const HEAD_START = /^(?:[HRE](?: [0-9a-f]{0,8}(?:(?<=[0-9a-f]{8}) [0-9a-f]{0,8})?)?)?$/;

/** The line before a payload. */
export function frameHead(kind: FrameKind, payload: Buffer): Buffer {
  return Buffer.from(`${kind} ${hex(payload.length)} ${hex(crc32(payload))}\n`, 'latin1');
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** Looks at one frame that begins at `at`. */
export function scanFrame(bytes: Buffer, at: number): Scanned {
  const head = bytes.toString('latin1', at, at + FRAME_HEAD_BYTES);
  const [, kind, length = '', crc = ''] = HEAD.exec(head) ?? [];
  if (kind === undefined)
    return head.length < FRAME_HEAD_BYTES && HEAD_START.test(head)
      ? { kind: 'incomplete', needed: FRAME_HEAD_BYTES }
      : { kind: 'damaged' };
  const end = FRAME_HEAD_BYTES + Number(`0x${length}`);
  if (end > MAX_PAYLOAD_BYTES) return { kind: 'damaged' };
  if (at + end > bytes.length) return { kind: 'incomplete', needed: end };
  const payload = bytes.subarray(at + FRAME_HEAD_BYTES, at + end);
  if (crc32(payload) !== Number(`0x${crc}`)) return { kind: 'damaged' };
  return { kind: 'frame', frame: { kind: kind as FrameKind, payload }, bytes: end };
}
