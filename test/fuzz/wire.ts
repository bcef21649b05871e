/** Protobuf as a tree without a schema: so that fields can be moved, doubled, dropped and relabelled, and stay well-formed. */
import type { Chance } from '../property/json-documents.js';

const VARINT = 0;
const LENGTH_DELIMITED = 2;

interface Field {
  readonly number: number;
  readonly wireType: number;
  /** Of a length-delimited field the content, else the bytes as they stand. */
  readonly content: Buffer;
}

/** One change in one message of the tree; the lengths around it are put right. */
export function mutateFields(chance: Chance, message: Buffer): Buffer {
  const fields = parse(message);
  if (fields === undefined || fields.length === 0) return message;
  const at = chance.below(fields.length);
  const field = fields[at];
  if (field === undefined) return message;
  const descend = field.wireType === LENGTH_DELIMITED && chance.below(5) > 0;
  const inner =
    descend && parse(field.content) !== undefined ? mutateFields(chance, field.content) : undefined;
  if (inner !== undefined) fields[at] = { ...field, content: inner };
  else changeField(chance, fields, at, field);
  return Buffer.concat(fields.map(write));
}

/**
 * The contents of every length-delimited field at the end of a path of field numbers, in their order: for a scalar the
 * last one counts, for a message they are one message in pieces. Empty where the bytes on the way are no message.
 */
export function contentsAt(message: Buffer, path: readonly number[]): Buffer[] {
  const [number, ...rest] = path;
  if (number === undefined) return [message];
  const fields = parse(message) ?? [];
  return fields
    .filter((field) => field.number === number && field.wireType === LENGTH_DELIMITED)
    .flatMap(({ content }) => contentsAt(content, rest));
}

function changeField(chance: Chance, fields: Field[], at: number, field: Field): void {
  const other = fields[chance.below(fields.length)] ?? field;
  switch (chance.below(7)) {
    case 0:
      fields.splice(at, 1);
      return;
    case 1:
      fields.splice(chance.below(fields.length + 1), 0, field);
      return;
    case 2:
      fields.splice(at, 1, other, field);
      return;
    case 3:
      fields[at] = { ...field, number: 1 + chance.below(15) };
      return;
    case 4:
      fields[at] = { ...field, content: field.wireType === LENGTH_DELIMITED ? other.content : field.content };
      return;
    case 5:
      fields.push({ number: 1 + chance.below(40), wireType: VARINT, content: Buffer.of(chance.below(128)) });
      return;
    default:
      fields[at] = { ...field, content: Buffer.alloc(field.wireType === LENGTH_DELIMITED ? 0 : 1) };
  }
}

function write({ number, wireType, content }: Field): Buffer {
  const tag = varint(number * 8 + wireType);
  return Buffer.concat(
    wireType === LENGTH_DELIMITED ? [tag, varint(content.length), content] : [tag, content],
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return Buffer.of(...bytes, value);
}

/** Undefined for bytes that are no message. */
function parse(message: Buffer): Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; at < message.length && scale < 2 ** 50; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    return NaN;
  };
  while (at < message.length) {
    const tag = number();
    const wireType = tag % 8;
    const from = at;
    let length = wireType === 1 ? 8 : 4;
    if (wireType === VARINT) [, length] = [number(), at - from];
    else if (wireType === LENGTH_DELIMITED) length = number();
    else if (wireType !== 1 && wireType !== 5) return undefined;
    const start = wireType === VARINT ? from : at;
    if (!(tag >= 8) || !(start + length <= message.length)) return undefined;
    fields.push({ number: Math.floor(tag / 8), wireType, content: message.subarray(start, start + length) });
    at = start + length;
  }
  return fields;
}
