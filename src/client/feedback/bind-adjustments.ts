/** From a verified answer to the adjustments that concern an execution of ours (docs/wire-contract.md#a-signed-answer). */
import { Tokeniser } from '../../json/tokeniser.js';
import { SHA256_HEX } from '../../protocol/syntax.js';
import {
  type Adjustment,
  ADJUSTMENT_MEMBERS,
  type Demands,
  type DroppedAdjustment,
  judgeAdjustment,
  type Judged,
} from './adjustment.js';
import { readObjects } from './json-object.js';
import { VerifiedFeedback } from './verify-feedback.js';

/** What we ran: only what concerns it is applied. */
export interface Execution {
  /** 64 hex digits each, of either case. */
  readonly executionFingerprints: Iterable<string>;
  /** Measurement hashes, 64 hex digits each, of either case. */
  readonly attestationHashes: Iterable<string>;
}

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
    signedAtSeconds: verified.signedAtSeconds,
  };
  const data = verified.canonicalData;
  const judged = readObjects(data, new Tokeniser(data), WANTED).map((each) => judgeAdjustment(each, demands));
  return new BoundFeedback(SEAL, sortOut(judged, verified));
}

function hashSet(name: string, hashes: Iterable<string>): ReadonlySet<string> {
  const set = new Set<string>();
  for (const hash of hashes) {
    if (!SHA256_HEX.test(hash)) throw new RangeError(`${name}: each must be 64 hex digits`);
    set.add(hash.toLowerCase());
  }
  return set;
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
