/** What `countersign check-config` says of the audit: where records go, what they survive, and who else holds the log. */
import type { AuditSettings } from '../config/settings.js';
import { encodeBase64 } from '../crypto/bytes.js';
import { parsePolicy } from '../tlog/policy.js';

/** For scripts; null where no log is kept. */
export function auditLogSummary({ log, otlp, durability }: AuditSettings): object | null {
  if (log === undefined) return null;
  const { origin, directory, publicKey, retentionDays = null, mirror, witnesses } = log;
  return {
    origin,
    directory,
    public_key: publicKey.length === 0 ? null : encodeBase64(publicKey),
    durability,
    retention_days: retentionDays,
    mirror: mirror === undefined ? null : `${mirror.endpoint}/${mirror.bucket}/${mirror.prefix}`,
    witnesses: witnesses === undefined ? [] : [...parsePolicy(witnesses.policyText).witnesses.keys()],
    collector: otlp?.url ?? null,
  };
}

/** One line for each part. */
export function auditLines({ sink, log, otlp, onFailure, durability }: AuditSettings): string[] {
  const places = [
    ...(sink === undefined ? [] : [sink.kind === 'file' ? sink.path : 'standard output']),
    ...(log === undefined ? [] : ['the audit log']),
  ].join(' and ');
  const failure =
    onFailure === 'refuse'
      ? 'what cannot be recorded gets 503'
      : 'what cannot be recorded is let through, and counted';
  const survives =
    durability === 'machine'
      ? 'an allow waits until its record is on the disk'
      : 'a record survives the end of the process; a loss of power may take those of the last moments';
  return [
    `audit: to ${places}; ${failure}`,
    `audit durability: ${durability}: ${survives}`,
    ...logLines(log),
    ...(otlp === undefined ? [] : [`audit collector: ${otlp.url} gets every record, once it is sealed`]),
  ];
}

function logLines(log: AuditSettings['log']): string[] {
  if (log === undefined) return [];
  const { origin, directory, retentionDays, mirror, witnesses } = log;
  const kept = retentionDays === undefined ? 'nothing is pruned' : `kept for ${retentionDays} days`;
  return [
    `audit log: ${origin} in ${directory}; ${kept}`,
    ...(mirror === undefined
      ? []
      : [
          `audit mirror: ${mirror.endpoint}/${mirror.bucket}/${mirror.prefix}, every ${mirror.intervalSeconds} s; ` +
            `objects are locked for ${mirror.retentionDays} days (${mirror.mode})`,
        ]),
    ...(witnesses === undefined ? [] : [witnessLine(witnesses)]),
    ...(mirror === undefined && witnesses === undefined
      ? ['audit holders: none; whoever has this machine and the key could write another log']
      : []),
  ];
}

function witnessLine({
  policyText,
  intervalSeconds,
}: NonNullable<NonNullable<AuditSettings['log']>['witnesses']>): string {
  const names = [...parsePolicy(policyText).witnesses.keys()];
  return `audit witnesses: ${names.join(', ')} cosign every ${intervalSeconds} s; they are not waited for`;
}
