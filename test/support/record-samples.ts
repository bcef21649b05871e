/** Records made out of docs/audit-record.schema.json: a kind that is added there is in every test that runs over these. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readRecord } from './record-schema.js';

/** What the schema says of one member, as far as it is used there. */
const Member = z.object({
  $ref: z.string().optional(),
  type: z.string().optional(),
  const: z.union([z.string(), z.number(), z.boolean()]).optional(),
  enum: z.array(z.string()).optional(),
  minimum: z.number().optional(),
});
const Kind = z.object({
  title: z.string(),
  properties: z.record(z.string(), Member),
  required: z.array(z.string()),
});
const Schema = z.object({ anyOf: z.array(Kind) });

type Sample = Record<string, unknown>;
/** A record and what it is, for the name of a test. */
type NamedSample = readonly [name: string, record: Sample];

/** Values of members that a text or number of any kind would not do for. */
const FITTING: Readonly<Record<string, unknown>> = {
  status: 401,
  first_status: 200,
  method: 'POST',
  path: '/v1/telemetry',
  peer_address: '192.0.2.7',
  trace_id: 'cd'.repeat(16),
};
const REFERRED: Readonly<Record<string, string>> = {
  '#/$defs/time': '2026-11-29T08:00:00.123Z',
  '#/$defs/sha256': 'ab'.repeat(32),
  '#/$defs/uuid': '01234567-89ab-4cde-8f01-23456789abcd',
};

/** Of each kind one with all members and one with those alone that have to be there, for each event that it may be about. */
export function recordSamples(): NamedSample[] {
  const file = join(import.meta.dirname, '../../docs/audit-record.schema.json');
  const { anyOf } = Schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return anyOf.flatMap(({ title, properties, required }) =>
    (properties['event']?.enum ?? [undefined]).flatMap((event) => {
      const of = (members: readonly string[]): Sample => sample(properties, members, event);
      const name = event === undefined ? title : `${title} (${event})`;
      const samples: NamedSample[] = [
        [`${name}: all members`, of(Object.keys(properties))],
        [`${name}: no more than it needs`, of(required)],
      ];
      return samples;
    }),
  );
}

function sample(
  properties: z.infer<typeof Kind>['properties'],
  members: readonly string[],
  event: string | undefined,
): Sample {
  const values = members.map(
    (name, position) => [name, valueOf(name, properties[name] ?? {}, position)] as const,
  );
  const record = { ...Object.fromEntries(values), ...(event === undefined ? {} : { event }) };
  return { ...readRecord(JSON.stringify(record)) };
}

function valueOf(name: string, member: z.infer<typeof Member>, position: number): unknown {
  if (member.const !== undefined) return member.const;
  if (member.enum !== undefined) return member.enum[0];
  if (member.$ref !== undefined) return REFERRED[member.$ref];
  if (FITTING[name] !== undefined) return FITTING[name];
  // No two alike, so that a lost one is seen.
  if (member.type === 'integer') return 1000 + position;
  if (member.type === 'array') return [`a ${name}`];
  if (member.type === 'object') return { claim: 7 };
  return `a ${name}`;
}
