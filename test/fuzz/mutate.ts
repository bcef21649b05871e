/** Spoils bytes: what parsers are known to stumble over, and anything else. */
import type { Chance } from '../property/json-documents.js';

/** Bytes that mean something to protobuf, JSON, headers or UTF-8. */
const TELLING = Buffer.from('\0\x01\x7f\x80\xff \t\r\n,;:="\'.+-_/\\{}[]09aAzZeE', 'latin1');
const MAX_CUT = 40;

/** One to `most` changes, each a flip, an insertion, a deletion, a repetition, or a piece of another input. */
export function mutate(chance: Chance, input: Buffer, others: readonly Buffer[] = [], most = 4): Buffer {
  let bytes = input;
  for (let left = 1 + chance.below(most); left > 0; left--) bytes = change(chance, bytes, others);
  return bytes;
}

function change(chance: Chance, bytes: Buffer, others: readonly Buffer[]): Buffer {
  const at = chance.below(bytes.length + 1);
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (chance.below(7)) {
    case 0:
      return Buffer.concat([head, Buffer.of((tail[0] ?? 0) ^ (1 << chance.below(8))), tail.subarray(1)]);
    case 1:
      return Buffer.concat([head, Buffer.of(telling(chance)), tail]);
    case 2:
      return Buffer.concat([head, Buffer.of(telling(chance)), tail.subarray(1)]);
    case 3:
      return Buffer.concat([head, tail.subarray(1 + chance.below(MAX_CUT))]);
    case 4:
      return head;
    case 5:
      return Buffer.concat([head, piece(chance, bytes), tail]);
    default:
      return Buffer.concat([head, piece(chance, others[chance.below(others.length || 1)] ?? bytes), tail]);
  }
}

function telling(chance: Chance): number {
  return chance.below(3) === 0 ? chance.below(256) : (TELLING[chance.below(TELLING.length)] ?? 0);
}

function piece(chance: Chance, bytes: Buffer): Buffer {
  const from = chance.below(bytes.length + 1);
  return bytes.subarray(from, from + 1 + chance.below(MAX_CUT));
}
