/**
 * `envoy.service.auth.v3.CheckResponse`, written field by field. An unset status would be an allow
 * (envoy-facts.md, trap 1), so every response begins with an explicit integer and a test decodes each with
 * Envoy's full definitions.
 */
import protobuf from 'protobufjs/minimal.js';

const { Writer } = protobuf;
type Writer = protobuf.Writer;

/** google.rpc.Code. */
const OK = 0;
const PERMISSION_DENIED = 7;

/** Header name and value; set means overwrite. */
export type HeaderPair = readonly [name: string, value: string];

/** Values of the dynamic metadata; what is undefined is left out. */
export type Metadata = Readonly<Record<string, string | undefined>>;

/** An OK: the headers to overwrite, those to remove, and the metadata under Envoy's namespace. */
export function encodeAllow(
  set: readonly HeaderPair[],
  remove: readonly string[],
  metadata: Metadata,
): Uint8Array {
  const writer = Writer.create();
  writeStatus(writer, OK);
  writer.uint32(tag(3)).fork();
  for (const pair of set) writeHeaderOption(writer, pair);
  for (const name of remove) writer.uint32(tag(5)).string(name);
  writer.ldelim();
  writeMetadata(writer, metadata);
  return writer.finish();
}

/** A refusal with its HTTP status, headers and JSON body. */
export function encodeRefusal(
  httpStatus: number,
  headers: readonly HeaderPair[],
  body: string,
  metadata: Metadata,
): Uint8Array {
  if (!Number.isInteger(httpStatus) || httpStatus < 400 || httpStatus > 599) {
    throw new RangeError(`a refusal needs an HTTP status from 400 to 599, not ${String(httpStatus)}`);
  }
  const writer = Writer.create();
  writeStatus(writer, PERMISSION_DENIED);
  writer.uint32(tag(2)).fork();
  writer.uint32(tag(1)).fork().uint32(varintTag(1)).int32(httpStatus).ldelim();
  for (const pair of headers) writeHeaderOption(writer, pair);
  writer.uint32(tag(3)).string(body).ldelim();
  writeMetadata(writer, metadata);
  return writer.finish();
}

/** CheckResponse.status=1, google.rpc.Status.code=1. Zero is written too: nothing here rests on a default. */
function writeStatus(writer: Writer, code: number): void {
  writer.uint32(tag(1)).fork().uint32(varintTag(1)).int32(code).ldelim();
}

/** HeaderValueOption.header=1 { key=1, value=2 }; `append` stays unset, which overwrites (trap 8). */
function writeHeaderOption(writer: Writer, [name, value]: HeaderPair): void {
  writer.uint32(tag(2)).fork().uint32(tag(1)).fork();
  writer.uint32(tag(1)).string(name).uint32(tag(2)).string(value);
  writer.ldelim().ldelim();
}

/** CheckResponse.dynamic_metadata=4: a google.protobuf.Struct of string values. */
function writeMetadata(writer: Writer, metadata: Metadata): void {
  writer.uint32(tag(4)).fork();
  for (const [key, value] of Object.entries(metadata)) {
    if (value === undefined) continue;
    writer.uint32(tag(1)).fork().uint32(tag(1)).string(key);
    writer.uint32(tag(2)).fork().uint32(tag(3)).string(value).ldelim().ldelim();
  }
  writer.ldelim();
}

/** Tag of a length-delimited field. */
function tag(field: number): number {
  return (field << 3) | 2;
}

/** Tag of a varint field. */
function varintTag(field: number): number {
  return field << 3;
}
