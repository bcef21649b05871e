/** Holds records to their published schema, `docs/audit-record.schema.json`: every end-to-end suite reads its records through it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const file = join(import.meta.dirname, '../../docs/audit-record.schema.json');
const schema = z.fromJSONSchema(JSON.parse(readFileSync(file, 'utf8')) as z.core.JSONSchema.JSONSchema);

/** Gives the record of a line. Throws when it is not one of the schema. */
export function readRecord(line: string): Readonly<Record<string, unknown>> {
  const record: unknown = JSON.parse(line);
  const { error } = schema.safeParse(record);
  if (error !== undefined)
    throw new Error(`not a record of docs/audit-record.schema.json: ${line}\n${error.message}`);
  return record as Readonly<Record<string, unknown>>;
}
