/** What filters told each other about a request (`envoy.config.core.v3.Metadata`), as far as it is text. */
import type { WireReader } from './reader.js';

/** Only our verifier writes there, on allow and on refusal: what ext_authz was told, and what ext_proc was told. */
export const CHECK_NAMESPACE = 'envoy.filters.http.ext_authz';
export const PROCESSOR_NAMESPACE = 'countersign';

/** Metadata: filter_metadata=1 map<string, Struct>. What the verifier told ext_authz, its text values; undefined when it left none. */
export function readVerifierMetadata(reader: WireReader): ReadonlyMap<string, string> | undefined {
  let found: ReadonlyMap<string, string> | undefined;
  while (reader.next()) if (reader.field === 1) found = readStructOf(reader, CHECK_NAMESPACE) ?? found;
  return found;
}

/** The same, whichever filter was told. */
export function readDecisionMetadata(reader: WireReader): ReadonlyMap<string, string> | undefined {
  let found: ReadonlyMap<string, string> | undefined;
  while (reader.next())
    if (reader.field === 1)
      found = readStructOf(reader, CHECK_NAMESPACE) ?? readStructOf(reader, PROCESSOR_NAMESPACE) ?? found;
  return found;
}

/** The text values of the Struct of a map entry (key=1, value=2), when its key is the wanted one. */
export function readStructOf(entry: WireReader, wanted: string): ReadonlyMap<string, string> | undefined {
  const reader = entry.inside();
  const values = new Map<string, string>();
  let key = '';
  while (reader.next()) {
    if (reader.field === 1) key = reader.utf8();
    else if (reader.field === 2) readStruct(reader.inside(), values);
  }
  return key === wanted ? values : undefined;
}

/** Struct: fields=1 map<string, Value>, an entry being key=1, value=2. */
function readStruct(reader: WireReader, values: Map<string, string>): void {
  while (reader.next()) {
    if (reader.field !== 1) continue;
    const entry = reader.inside();
    let key = '';
    let value: string | undefined;
    while (entry.next()) {
      if (entry.field === 1) key = entry.utf8();
      else if (entry.field === 2) value = textValue(entry.inside());
    }
    if (value === undefined) values.delete(key);
    else values.set(key, value);
  }
}

/** Value: string_value=3; every other kind is none of ours. Of several the last counts. */
function textValue(reader: WireReader): string | undefined {
  let value: string | undefined;
  while (reader.next()) value = reader.field === 3 ? reader.utf8() : undefined;
  return value;
}
