/** The export to ECS against the fields of ECS itself: every kind of record, and what a client or Envoy may have written into one. */
import { isIP } from 'node:net';
import { ECS_VERSION, ecsDocument } from '../../../../src/audit/export/ecs.js';
import { ECS_FIELDS_VERSION, ECS_SCHEMA_FIELDS, type EcsType } from '../../../support/audit/ecs-fields.js';
import { recordSamples } from '../../../support/record-samples.js';

const SOURCE = { origin: 'countersign.example/log', version: '1.2.3', instance: 'pod-1' };
const HEAD = { time: '2026-11-29T08:00:00.123Z', event: 'envoy.refused' };
const isText = (value: unknown): boolean => typeof value === 'string';
const HAS_TYPE: Readonly<Record<EcsType, (value: unknown) => boolean>> = {
  keyword: isText,
  wildcard: isText,
  long: Number.isInteger,
  date: (value) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(String(value)),
  // Elasticsearch takes no zone.
  ip: (value) => isIP(String(value)) !== 0 && !String(value).includes('%'),
};

type LooseRecord = Readonly<Record<string, unknown>>;

/** The fields of a document by dotted name, without our own. */
function fieldsOf(record: LooseRecord, index: number | undefined = 7): Map<string, unknown> {
  const document = ecsDocument({ index, text: JSON.stringify(record), record }, SOURCE);
  const written = flat(JSON.parse(JSON.stringify(document)) as object, '');
  return new Map(written.filter(([name]) => !name.startsWith('countersign.')));
}

function flat(value: object, prefix: string): [string, unknown][] {
  return Object.entries(value).flatMap(([name, inner]: [string, unknown]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? flat(inner, `${prefix}${name}.`)
      : [[`${prefix}${name}`, inner] as [string, unknown]],
  );
}

function faultsOf(fields: ReadonlyMap<string, unknown>): string[] {
  return [...fields].flatMap(([name, value]) => {
    const field = ECS_SCHEMA_FIELDS.get(name);
    if (field === undefined) return [`${name} is not in test/support/audit/ecs-fields.ts`];
    const isAllowed = field.allowed?.includes(String(value)) ?? true;
    const isGood = isAllowed && HAS_TYPE[field.type](value);
    return isGood ? [] : [`${name} is not a ${field.type} that ECS allows: ${JSON.stringify(value)}`];
  });
}

const samples = recordSamples();

it.each(samples)('the ECS document of %s has fields of ECS alone', (_name, record) => {
  expect(faultsOf(fieldsOf(record))).toEqual([]);
  expect(faultsOf(fieldsOf(record, undefined))).toEqual([]);
});

it('says its version, and the list of fields is of that version and has no other fields', () => {
  const written = new Set(samples.flatMap(([, record]) => [...fieldsOf(record).keys()]));
  expect([...written].sort()).toEqual([...ECS_SCHEMA_FIELDS.keys()].sort());
  expect(ECS_VERSION).toBe(ECS_FIELDS_VERSION);
});

const TIME = { '@timestamp': HEAD.time };
it.each<[string, LooseRecord, LooseRecord]>([
  [
    'a peer that is an address',
    { ...HEAD, peer_address: '2001:db8::7' },
    { ...TIME, 'client.ip': '2001:db8::7', 'client.address': '2001:db8::7' },
  ],
  [
    'a peer with a port',
    { ...HEAD, peer_address: '192.0.2.7:4711' },
    { ...TIME, 'client.address': '192.0.2.7:4711' },
  ],
  [
    'a peer with a zone',
    { ...HEAD, peer_address: 'fe80::1%eth0' },
    { ...TIME, 'client.address': 'fe80::1%eth0' },
  ],
  ['a time that is none', { ...HEAD, time: 'yesterday' }, {}],
  ['a time of another zone', { ...HEAD, time: '2026-11-29T09:00:00.123+01:00' }, TIME],
  ['other types', { time: 1, event: 2, code: [], status: '401', peer_address: 3, duration_us: 0.5 }, {}],
])('the ECS document of a record with %s has what an index takes', (_what, record, expected) => {
  const fields = fieldsOf(record);
  expect(faultsOf(fields)).toEqual([]);
  const asked = [...fields].filter(([name]) => name === '@timestamp' || name.startsWith('client.'));
  expect(Object.fromEntries(asked)).toEqual(expected);
});

it('a field that ECS has not, and a value of another type, are seen', () => {
  const bad: [string, unknown][] = [
    ['event.verdict', 'good'],
    ['event.sequence', '7'],
    ['event.outcome', 'good'],
    ['client.ip', '@/envoy.sock'],
    ['@timestamp', 'yesterday'],
  ];
  expect(faultsOf(new Map(bad))).toHaveLength(bad.length);
});
