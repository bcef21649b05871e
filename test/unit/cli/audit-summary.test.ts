import { generateKeyPairSync } from 'node:crypto';
import { auditLines, auditLogSummary } from '../../../src/cli/audit-summary.js';
import type { AuditSettings } from '../../../src/config/settings.js';
import { NOTE_COSIGNATURE, verifierKeyText } from '../../../src/tlog/note.js';

const bare: AuditSettings = {
  sink: { kind: 'stdout' },
  log: undefined,
  otlp: undefined,
  onFailure: 'refuse',
  durability: 'process',
};
const log: NonNullable<AuditSettings['log']> = {
  directory: '/state/log',
  origin: 'example.org/log',
  keyFile: '/keys/k',
  publicKey: new Uint8Array(32),
  retentionDays: undefined,
  mirror: undefined,
  witnesses: undefined,
};
const raw = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
const witness = verifierKeyText('witness.example/one', raw, NOTE_COSIGNATURE);
const held: AuditSettings = {
  ...bare,
  sink: undefined,
  onFailure: 'count',
  durability: 'machine',
  otlp: {
    url: 'https://otel.example:4318/v1/logs',
    headersPath: undefined,
    authority: undefined,
    instance: undefined,
    timeoutMilliseconds: 1,
  },
  log: {
    ...log,
    retentionDays: 400,
    mirror: {
      endpoint: 'https://s3.example',
      bucket: 'b',
      prefix: 'p/',
      region: 'r',
      retentionDays: 400,
      mode: 'COMPLIANCE',
      credentialsPath: '/c',
      authority: undefined,
      intervalSeconds: 10,
      timeoutMilliseconds: 1,
    },
    witnesses: {
      policyText: `witness one ${witness} https://witness.example/one\nquorum one\n`,
      authority: undefined,
      intervalSeconds: 30,
      timeoutMilliseconds: 1,
    },
  },
};

describe('what check-config says of the audit', () => {
  it('without a log', () => {
    expect(auditLines(bare)).toEqual([
      'audit: to standard output; what cannot be recorded gets 503',
      'audit durability: process: a record survives the end of the process; a loss of power may take those of the last moments',
    ]);
    expect(auditLogSummary(bare)).toBeNull();
  });

  it('of a log that nobody else holds', () => {
    expect(auditLines({ ...bare, sink: { kind: 'file', path: '/f' }, log })).toEqual([
      'audit: to /f and the audit log; what cannot be recorded gets 503',
      expect.stringContaining('process'),
      'audit log: example.org/log in /state/log; nothing is pruned',
      'audit holders: none; whoever has this machine and the key could write another log',
    ]);
  });

  it('of a log with mirror, witnesses and collector', () => {
    expect(auditLines(held)).toEqual([
      'audit: to the audit log; what cannot be recorded is let through, and counted',
      'audit durability: machine: an allow waits until its record is on the disk',
      'audit log: example.org/log in /state/log; kept for 400 days',
      'audit mirror: https://s3.example/b/p/, every 10 s; objects are locked for 400 days (COMPLIANCE)',
      'audit witnesses: one cosign every 30 s; they are not waited for',
      'audit collector: https://otel.example:4318/v1/logs gets every record, once it is sealed',
    ]);
    expect(auditLogSummary(held)).toMatchObject({
      mirror: 'https://s3.example/b/p/',
      witnesses: ['one'],
      collector: 'https://otel.example:4318/v1/logs',
    });
  });
});
