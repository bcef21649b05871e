/** From a verified answer to the adjustments that concern an execution of ours (wire contract, section 2). */
import { Tokeniser } from '../../json/tokeniser.js';
import { SHA256_HEX } from '../../verify/syntax.js';
import {
  ADJUSTMENT_MEMBERS,
  FEEDBACK_ADJUSTMENT_SCHEMA,
  readAdjustment,
  textOf,
  type Adjustment,
  type AdjustmentMember,
} from './adjustment.js';
import { readObjects, type Members } from './members.js';
import { VerifiedFeedback } from './verify-feedback.js';

/** What we ran: only what concerns it is applied. */
export interface Execution {
  /** 64 hex digits each, of either case. */
  readonly executionFingerprints: Iterable<string>;
  /** Measurement hashes, 64 hex digits each, of either case. */
  readonly attestationHashes: Iterable<string>;
}

/** Why an adjustment is not applied, in the order in which it is looked for. */
export type DropReason =
  | 'other_tenant'
  | 'other_schema'
  | 'malformed'
  | 'other_execution'
  | 'other_attestation'
  /** Made further ahead of its own signature than clocks differ: it would hold for longer than it may. */
  | 'from_the_future'
  /** A later adjustment of the same answer is bound to the same target, even if that one has ended. */
  | 'superseded'
  | 'ended';

/** What a dropped adjustment says of itself, as far as it says it. For reports alone: nothing of it is applied. */
export interface DroppedClaims {
  readonly tenantId: string | undefined;
  readonly executionFingerprint: string | undefined;
  readonly attestationMeasurementHash: string | undefined;
  readonly targetUrn: string | undefined;
  readonly action: string | undefined;
}

/** An adjustment that is not applied. */
export interface DroppedAdjustment {
  /** Its place in the answer, from 0 on. */
  readonly index: number;
  readonly adjustment: DroppedClaims;
  readonly reason: DropReason;
  /** With `malformed`: the first member that is missing, of another type or out of bounds; none when it is no object. */
  readonly member?: AdjustmentMember;
}

/** How far an adjustment's `timestamp` may lie ahead of the answer's `signed_at`. */
const MAX_AHEAD_SECONDS = 300;

const WANTED: ReadonlySet<string> = new Set(ADJUSTMENT_MEMBERS);
/** Never leaves this module: who does not have it cannot make a {@link BoundFeedback}. */
const SEAL: unique symbol = Symbol('bound');

interface BoundFacts {
  readonly tenant: string;
  readonly signedAtSeconds: number;
  readonly latest: readonly Adjustment[];
  readonly applied: readonly Adjustment[];
  readonly dropped: readonly DroppedAdjustment[];
}

/** What of an answer is applied and what is not. Made by {@link bindAdjustments} alone. */
export class BoundFeedback {
  readonly #facts: BoundFacts;

  /** Throws for everybody but {@link bindAdjustments}. */
  constructor(seal: typeof SEAL, facts: BoundFacts) {
    if (seal !== SEAL) throw new TypeError('only bindAdjustments makes a BoundFeedback');
    this.#facts = facts;
    Object.freeze(this);
  }

  /** Whether a value was made by {@link bindAdjustments}, whatever its type or prototype claims. */
  static isGenuine(value: unknown): value is BoundFeedback {
    return typeof value === 'object' && value !== null && #facts in value;
  }

  get tenant(): string {
    return this.#facts.tenant;
  }
  get signedAtSeconds(): number {
    return this.#facts.signedAtSeconds;
  }
  /** One adjustment a target, each good until its `endsAtMs`; oldest first. */
  get applied(): readonly Adjustment[] {
    return this.#facts.applied;
  }
  /** Everything else, in the order of the answer. */
  get dropped(): readonly DroppedAdjustment[] {
    return this.#facts.dropped;
  }
  /** The last bound adjustment of every target, those that have ended included: an end, too, is later word. */
  get latest(): readonly Adjustment[] {
    return this.#facts.latest;
  }
}

/**
 * Sorts the adjustments of a verified answer: those for our own tenant whose execution and attestation both appear in
 * the execution that we ran are applied, the last one of each target; everything else is dropped with its reason.
 * Whether one has ended is judged by the time at which the answer was verified; `FeedbackPolicy` looks again later.
 * @throws TypeError when the answer was not verified; RangeError when a hash of the execution is not 64 hex digits.
 */
export function bindAdjustments(verified: VerifiedFeedback, execution: Execution): BoundFeedback {
  if (!VerifiedFeedback.isGenuine(verified))
    throw new TypeError('only an answer from verifyFeedback can be bound');
  const demands: Demands = {
    tenant: verified.tenant,
    executions: hashSet('executionFingerprints', execution.executionFingerprints),
    attestations: hashSet('attestationHashes', execution.attestationHashes),
    latestTimestampSeconds: verified.signedAtSeconds + MAX_AHEAD_SECONDS,
  };
  const data = verified.canonicalData;
  const judged = readObjects(data, new Tokeniser(data), WANTED).map((members) => judge(members, demands));
  return new BoundFeedback(SEAL, sortOut(judged, verified));
}

interface Demands {
  readonly tenant: string;
  readonly executions: ReadonlySet<string>;
  readonly attestations: ReadonlySet<string>;
  readonly latestTimestampSeconds: number;
}

type Judged =
  { readonly adjustment: Adjustment; readonly claims: DroppedClaims } | Omit<DroppedAdjustment, 'index'>;

function hashSet(name: string, hashes: Iterable<string>): ReadonlySet<string> {
  const set = new Set<string>();
  for (const hash of hashes) {
    if (!SHA256_HEX.test(hash)) throw new RangeError(`${name}: each must be 64 hex digits`);
    set.add(hash.toLowerCase());
  }
  return set;
}

function judge(members: Members | undefined, demands: Demands): Judged {
  const claims = claimsOf(members);
  const drop = (reason: DropReason): Judged => ({ adjustment: claims, reason });
  if (members === undefined) return drop('malformed');
  if (claims.tenantId === undefined) return { adjustment: claims, reason: 'malformed', member: 'tenant_id' };
  if (claims.tenantId !== demands.tenant) return drop('other_tenant');
  const schemaVersion = textOf(members.get('schema_version'));
  if (schemaVersion !== undefined && schemaVersion !== FEEDBACK_ADJUSTMENT_SCHEMA)
    return drop('other_schema');
  const adjustment = readAdjustment(members);
  if ('fault' in adjustment) return { adjustment: claims, reason: 'malformed', member: adjustment.fault };
  if (!demands.executions.has(adjustment.executionFingerprint)) return drop('other_execution');
  if (!demands.attestations.has(adjustment.attestationMeasurementHash)) return drop('other_attestation');
  if (adjustment.timestampSeconds > demands.latestTimestampSeconds) return drop('from_the_future');
  return { adjustment, claims };
}

function claimsOf(members: Members | undefined): DroppedClaims {
  return {
    tenantId: textOf(members?.get('tenant_id')),
    executionFingerprint: textOf(members?.get('execution_fingerprint')),
    attestationMeasurementHash: textOf(members?.get('attestation_measurement_hash')),
    targetUrn: textOf(members?.get('target_urn')),
    action: textOf(members?.get('action')),
  };
}

/** Later word on a target replaces earlier word even where it has ended: the earlier one is not revived by that. */
function sortOut(judged: readonly Judged[], verified: VerifiedFeedback): BoundFacts {
  const lastOf = new Map<string, number>();
  judged.forEach((each, index) => {
    if ('claims' in each) lastOf.set(each.adjustment.targetUrn, index);
  });
  const [latest, applied, dropped]: [Adjustment[], Adjustment[], DroppedAdjustment[]] = [[], [], []];
  judged.forEach((each, index) => {
    if (!('claims' in each)) {
      dropped.push({ index, ...each });
      return;
    }
    const { adjustment, claims } = each;
    const isLast = lastOf.get(adjustment.targetUrn) === index;
    const hasEnded = adjustment.endsAtMs <= verified.verifiedAtMs;
    if (isLast) latest.push(adjustment);
    if (isLast && !hasEnded) applied.push(adjustment);
    else dropped.push({ index, adjustment: claims, reason: isLast ? 'ended' : 'superseded' });
  });
  const { tenant, signedAtSeconds } = verified;
  return { tenant, signedAtSeconds, latest, applied, dropped };
}
