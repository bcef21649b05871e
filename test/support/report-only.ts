/** A second look at a request, as a service would take it, on a snapshot with report-only entries. */
import { noFacts, type DecisionFacts } from '../../src/verify/decision.js';
import { judge } from '../../src/verify/pipeline.js';
import type { Refusal, RefusalCode } from '../../src/verify/refusal.js';
import { lookAgain } from '../../src/verify/report-only/second-look.js';
import { TOLERABLE_CODES } from '../../src/verify/report-only/tolerance.js';
import type { WouldRefuse } from '../../src/verify/report-only/would-refuse.js';
import type { ReportOnlyEntry } from '../../src/verify/snapshot.js';
import {
  inbound,
  makeSnapshot,
  NOW_MS,
  strictVerifier,
  type RequestParts,
  type SnapshotChange,
} from './signed-request.js';

/** An entry for everybody that lets these codes pass for another second; `change` replaces members. */
export function entry(
  checks: readonly RefusalCode[] = TOLERABLE_CODES,
  change: Partial<ReportOnlyEntry> = {},
): ReportOnlyEntry {
  return {
    untilMs: NOW_MS + 1000,
    reason: 'a test',
    policies: undefined,
    identities: undefined,
    checks: new Set(checks),
    ...change,
  };
}

/** What a refused request came to. */
export interface LookedAgain {
  readonly refusal: Refusal;
  readonly result: WouldRefuse | Refusal;
  readonly facts: DecisionFacts;
  /** How often a signature was verified, by the judgement and the second look. */
  readonly verifications: number;
}

/** Judges parts that have to be refused, and looks again. */
export function lookAgainAt(
  parts: RequestParts,
  entries: readonly ReportOnlyEntry[],
  change: SnapshotChange = {},
  nowMs: number = NOW_MS,
): LookedAgain {
  const facts = noFacts();
  const request = inbound(parts);
  let verifications = 0;
  const verifier = {
    engineName: 'counting',
    verify: (...question: Parameters<typeof strictVerifier.verify>) => {
      verifications++;
      return strictVerifier.verify(...question);
    },
  };
  const snapshot = makeSnapshot({ ...change, reportOnly: entries });
  const options = { snapshot, verifier, nowMs, timer: { mark: () => undefined } };
  const refusal = judge(request, options, facts);
  if (refusal.kind !== 'refuse') throw new Error(`the request is ${refusal.kind}`);
  const result = lookAgain({ refusal, request, options, facts });
  return { refusal, result, facts, verifications };
}

/** The codes that were let pass; undefined where the refusal stands. */
export function toleratedIn({ result }: LookedAgain): readonly RefusalCode[] | undefined {
  return result.kind === 'would_refuse' ? result.tolerated : undefined;
}
