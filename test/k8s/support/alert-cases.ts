/**
 * Of each alert what makes it fire and the nearest thing that must not, as promtool writes series: a sample every 15 s,
 * `0x20` for 0 and twenty more of it, `0+1x20` for a count that goes up by 1 (Prometheus, "Unit testing for rules").
 */

/** A series and its samples. */
type Series = readonly [series: string, values: string];

export interface AlertCase {
  readonly alert: string;
  /** When it is looked at, such as `5m`. */
  readonly at: string;
  readonly fires: readonly Series[];
  /** Of the alert that fires, besides `severity`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly quiet: readonly Series[];
}

const pod = { pod: 'a' };

/** A count that goes up, and one that went up long ago. */
function counted(alert: string, name: string): AlertCase {
  const series = `${name}{pod="a"}`;
  return { alert, at: '5m', labels: pod, fires: [[series, '7x15 8x10']], quiet: [[series, '8x30']] };
}

/** A gauge that has a value for as long as the alert waits, and one that is well again now and then. */
function held(
  alert: string,
  name: string,
  at: string,
  { bad, good }: { readonly bad: number; readonly good: number },
): AlertCase {
  const series = `${name}{pod="a"}`;
  const flaps = `${bad}x2 ${good} `.repeat(40).trim();
  return { alert, at, labels: pod, fires: [[series, `${bad}x200`]], quiet: [[series, flaps]] };
}

/** A gauge at which the alert does not wait. */
function instant(
  alert: string,
  name: string,
  values: { readonly bad: number; readonly good: number },
): AlertCase {
  const series = `${name}{pod="a"}`;
  const { bad, good } = values;
  return { alert, at: '1m', labels: pod, fires: [[series, `${bad}x4`]], quiet: [[series, `${good}x4`]] };
}

const skews = (within5: string): Series[] => [
  ['countersign_timestamp_skew_seconds_bucket{le="5",policy="t"}', within5],
  ['countersign_timestamp_skew_seconds_bucket{le="-5",policy="t"}', '0x80'],
  ['countersign_timestamp_skew_seconds_count{policy="t"}', '0+10x80'],
];
const build = (version: string, values: string): Series => [
  `countersign_build_info{version="${version}"}`,
  values,
];
const entries = (count: number): Series[] => [
  ['countersign_nonce_entries{store="lmdb"}', `${count}x4`],
  ['countersign_nonce_entries_max{store="lmdb"}', '100x4'],
];
const defects = 'countersign_decisions_total{policy="t",code="internal_error"}';
const defectLabels = { policy: 't', code: 'internal_error' };
const breaker = 'countersign_nonce_breaker{store="redis",state="closed"}';
const entry = { entry: '0', reason: 'roll-out' };
const until = 'countersign_report_only_until_seconds{entry="0",reason="roll-out"}';
/** Of two processes: what both let pass is one alert. */
const wouldRefuse = (...values: readonly string[]): Series[] =>
  values.map((samples, at) => [
    `countersign_would_refuse_total{policy="t",code="pin_mismatch",pod="${at}"}`,
    samples,
  ]);

export const ALERT_CASES: readonly AlertCase[] = [
  held('CountersignNotServing', 'countersign_serving', '2m', { bad: 0, good: 1 }),
  held('CountersignNonceStoreUnhealthy', 'countersign_nonce_store_healthy', '2m', { bad: 0, good: 1 }),
  {
    alert: 'CountersignNotScraped',
    at: '11m',
    labels: {},
    fires: [['up{job="another"}', '1x60']],
    quiet: [build('0.1.0', '1x60')],
  },
  // The first one, with which the series begins.
  {
    alert: 'CountersignInternalError',
    at: '11m',
    labels: defectLabels,
    fires: [[defects, '_x40 1x10']],
    quiet: [['countersign_decisions_total{policy="t",code="pin_mismatch"}', '_x40 1x10']],
  },
  {
    alert: 'CountersignInternalError',
    at: '20m',
    labels: defectLabels,
    fires: [[defects, '1x60 2x20']],
    quiet: [[defects, '2x80']],
  },
  {
    alert: 'CountersignCallsShed',
    at: '5m',
    labels: { reason: 'queue_full' },
    fires: [['countersign_calls_shed_total{reason="queue_full"}', '0x15 1x10']],
    quiet: [
      ['countersign_calls_shed_total{reason="cancelled"}', '0+1x30'],
      ['countersign_calls_shed_total{reason="queue_full"}', '3x30'],
    ],
  },
  counted('CountersignCallsRefusedByHttp2', 'countersign_streams_refused_total'),
  {
    alert: 'CountersignWorkerDying',
    at: '10m',
    labels: { worker: '1' },
    fires: [['countersign_worker_replacements_total{worker="1"}', '0x5 1x5 2x5 3x40']],
    quiet: [['countersign_worker_replacements_total{worker="1"}', '5x5 6x5 7x50']],
  },
  counted('CountersignClockStepped', 'countersign_clock_steps_total'),
  {
    alert: 'CountersignTimestampsOff',
    at: '20m',
    labels: {},
    fires: skews('0+8x80'),
    quiet: skews('0+10x80'),
  },
  held('CountersignReloadRefused', 'countersign_configuration_last_reload_successful', '6m', {
    bad: 0,
    good: 1,
  }),
  instant('CountersignEndsSoon', 'countersign_expiry_timestamp_seconds', {
    bad: 13 * 86_400,
    good: 15 * 86_400,
  }),
  held('CountersignKeySourceDown', 'countersign_key_source_up', '3m', { bad: 0, good: 1 }),
  held('CountersignKeySetAway', 'countersign_key_set_up', '16m', { bad: 0, good: 1 }),
  held('CountersignKeySetWithoutKeys', 'countersign_key_set_keys', '6m', { bad: 0, good: 1 }),
  held('CountersignDelegationFailing', 'countersign_delegation_up', '6m', { bad: 0, good: 1 }),
  held('CountersignKeyRotationOverdue', 'countersign_feedback_key_next_rotation_seconds', '12m', {
    bad: -61,
    good: -59,
  }),
  held('CountersignKeyRotationOverdue', 'countersign_feedback_key_rotation_failed_domains', '12m', {
    bad: 1,
    good: 0,
  }),
  {
    alert: 'CountersignReportOnlyEndsSoon',
    at: '1m',
    labels: entry,
    fires: [[until, '86459x4']],
    quiet: [[until, '86460x4']],
  },
  {
    alert: 'CountersignWouldRefuse',
    at: '30h',
    labels: { policy: 't', code: 'pin_mismatch' },
    fires: wouldRefuse('0+1x7200', '0+1x7200'),
    // Somebody mended it in between: nothing came for half a day.
    quiet: wouldRefuse('0+1x2400 2400x2400 2400+1x2400', '0x7200'),
  },
  // It has ended, and has no sample any more.
  {
    alert: 'CountersignReportOnlyEndsSoon',
    at: '10m',
    labels: entry,
    fires: [[until, '700x60']],
    quiet: [[until, '300x20 stale']],
  },
  {
    alert: 'CountersignVersionsDiffer',
    at: '62m',
    labels: {},
    fires: [build('0.1.0', '1x250'), build('0.2.0', '1x250')],
    quiet: [build('0.1.0', '1x200 stale'), build('0.2.0', '1x250')],
  },
  {
    alert: 'CountersignNonceStoreFilling',
    at: '1m',
    labels: { store: 'lmdb' },
    fires: entries(81),
    quiet: entries(80),
  },
  counted('CountersignNonceStateLost', 'countersign_nonce_state_losses_total'),
  {
    alert: 'CountersignNonceOutcomesUnknown',
    at: '5m',
    labels: pod,
    fires: [['countersign_nonce_unknown_outcomes_total{pod="a"}', '0+3x30']],
    quiet: [['countersign_nonce_unknown_outcomes_total{pod="a"}', '0+1x30']],
  },
  held('CountersignNonceWithdrawalsOwed', 'countersign_nonce_withdrawals_owed', '6m', { bad: 2, good: 0 }),
  {
    alert: 'CountersignNonceBreakerOpen',
    at: '2m',
    labels: { store: 'redis', state: 'closed' },
    fires: [[breaker, '0x20']],
    quiet: [
      [breaker, '1x20'],
      ['countersign_nonce_breaker{store="redis",state="open"}', '0x20'],
    ],
  },
  counted('CountersignRecordsLost', 'countersign_audit_records_lost_total'),
  held('CountersignAuditLogNotSealed', 'countersign_audit_log_healthy', '2m', { bad: 0, good: 1 }),
  held('CountersignAuditLogNotSealed', 'countersign_audit_log_unsealed_seconds', '2m', { bad: 31, good: 30 }),
  counted('CountersignAuditLogLoss', 'countersign_audit_log_losses_total'),
  instant('CountersignAuditContradicted', 'countersign_audit_mirror_conflict', { bad: 1, good: 0 }),
  instant('CountersignAuditContradicted', 'countersign_audit_witness_conflict', { bad: 1, good: 0 }),
  held('CountersignAuditMirrorBehind', 'countersign_audit_mirror_lag_seconds', '6m', { bad: 301, good: 300 }),
  held('CountersignAuditWitnessBehind', 'countersign_audit_witness_lag_seconds', '16m', {
    bad: 301,
    good: 300,
  }),
  held('CountersignAuditCollectorBehind', 'countersign_audit_collector_lag_seconds', '16m', {
    bad: 301,
    good: 300,
  }),
  counted('CountersignAuditCollectorRejects', 'countersign_audit_collector_rejected_total'),
  counted('CountersignLogLinesLost', 'countersign_log_lines_lost_total'),
];
