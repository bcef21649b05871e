/** The export to OCSF against the schemas of OCSF's own classes: every kind of record, and what a client or Envoy may have written into one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { ocsfEvent } from '../../src/audit/export/ocsf.js';
import { find } from '../support/audit/versity-server.js';
import { recordSamples } from '../support/record-samples.js';

const SOURCE = { origin: 'countersign.example/log', version: '1.2.3', instance: 'pod-1' };
const CLASSES = [6003, 4001, 6002] as const;
const HEAD = { time: '2026-11-29T08:00:00.123Z', event: 'envoy.refused' };

type Event = Record<string, unknown> & { readonly class_uid: number };
let schemas: Map<number, z.ZodType>;
beforeAll(() => {
  const folder = find('ocsf-schemas.sh');
  schemas = new Map(
    CLASSES.map((uid) => {
      const text = readFileSync(join(folder, `${uid}.json`), 'utf8');
      return [uid, z.fromJSONSchema(JSON.parse(text) as z.core.JSONSchema.JSONSchema)];
    }),
  );
});

function exported(record: Readonly<Record<string, unknown>>, index: number | undefined = 7): Event {
  const event = ocsfEvent({ index, text: JSON.stringify(record), record }, SOURCE);
  // As it is printed.
  return JSON.parse(JSON.stringify(event)) as Event;
}

/** What the schema of its class has against an event: nothing, or the paths and why. */
function faultsOf(event: Event): string[] {
  const schema = schemas.get(event.class_uid);
  if (schema === undefined) return [`there is no schema of class ${event.class_uid}`];
  const { error } = schema.safeParse(event);
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

/** All texts and numbers somewhere in a value. */
function leaves(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value];
}

describe.each(recordSamples())('the OCSF event of %s', (_name, record) => {
  it('is one of its class', () => {
    expect(faultsOf(exported(record))).toEqual([]);
    expect(faultsOf(exported(record, undefined))).toEqual([]);
  });

  it('has every member of the record outside of raw_data too', () => {
    const { time, ...members } = record;
    const { raw_data: raw, ...event } = exported(record);
    expect(raw).toBe(JSON.stringify(record));
    expect(event['time']).toBe(Date.parse(String(time)));
    expect(leaves(event)).toEqual(expect.arrayContaining(leaves(members)));
  });
});

describe('the OCSF event', () => {
  it.each([
    ['a method of which OCSF has no word', { ...HEAD, method: 'PATCH', path: '/' }],
    ['a method that is none', { ...HEAD, method: 'constructor', path: '/' }],
    ['a path without a method', { ...HEAD, path: '/a' }],
    ['a method without a path', { ...HEAD, method: 'GET' }],
    ['a peer with a port', { ...HEAD, peer_address: '192.0.2.7:4711' }],
    [
      'a peer on a Unix socket',
      { ...HEAD, event: 'tls.failed', reason: 'other', peer_address: '@/envoy.sock' },
    ],
    ['a peer of IPv6', { ...HEAD, peer_address: '2001:db8::7' }],
    ['a peer of IPv6 with a zone', { ...HEAD, peer_address: 'fe80::1%eth0' }],
    ['a peer of IPv4 in IPv6', { ...HEAD, peer_address: '::ffff:192.0.2.7' }],
    ['a time that is none', { ...HEAD, time: 'yesterday' }],
    [
      'members of other types',
      { time: 1, event: 2, code: [], status: '401', decision_id: {}, peer_address: 3 },
    ],
    ['nothing', {}],
  ])(
    'of a record with %s is one of its class, and loses nothing',
    (_what, record: Record<string, unknown>) => {
      const event = exported(record);
      expect(faultsOf(event)).toEqual([]);
      const others = { ...event, raw_data: undefined };
      expect(leaves(others)).toEqual(expect.arrayContaining(leaves({ ...record, time: event['time'] })));
    },
  );
});
