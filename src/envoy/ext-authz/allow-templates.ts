/**
 * Two allows of one identity under one policy differ in decision id and claim alone. What stands around these is encoded
 * once and kept, so that most answers are a few texts joined. Byte for byte they are what `encodeAnswer` writes.
 */
import type { SecurityHeaderNames } from '../../protocol/header-names.js';
import { isSameCaller, type CallerFacts } from '../../verify/decision.js';
import type { SignedPolicy } from '../../verify/snapshot.js';
import type { Concluded, Grant } from '../check/check-state.js';
import { bytes, text } from '../wire/writer.js';
import { encodeAnswer } from './check-response.js';

/** Of some two kilobytes each. When so many are kept all are dropped: every one can be made again. */
const MAX_TEMPLATES = 2_048;

/** Stand first in what takes the place of decision id and claim while a template is made. */
const DECISION_MARK = '\x01';
const CLAIM_MARK = '\x02';

interface Template {
  readonly policy: SignedPolicy;
  readonly headerNames: SecurityHeaderNames;
  readonly context: CallerFacts;
  readonly decisionIdBytes: number;
  readonly claimBytes: number;
  /** Around decision id, decision id and claim; undefined where an answer is not so. */
  readonly pieces: Pieces | undefined;
}

type Pieces = readonly [start: string, between: string, beforeClaim: string, end: string];

/** For the answers of one server. */
export class AllowTemplates {
  readonly #templates = new Map<string, Template>();

  /** The serialised CheckResponse. */
  answer(concluded: Concluded): Uint8Array {
    const { outcome, decisionId } = concluded;
    if (outcome.kind !== 'allow' || !isPlain(concluded, outcome)) return encodeAnswer(concluded);
    const claim = text(concluded.claim ?? '');
    const { pieces } = this.#templateFor(concluded, outcome, claim.length);
    if (pieces === undefined) return encodeAnswer(concluded);
    return joined(pieces, decisionId, claim);
  }

  #templateFor(concluded: Concluded, grant: Grant, claimBytes: number): Template {
    const { policy, context } = grant.verified;
    const key = `${policy.name}\n${context.identity ?? ''}\n${context.operator ?? ''}`;
    const known = this.#templates.get(key);
    if (known !== undefined && fits(known, concluded, grant, claimBytes)) return known;
    if (this.#templates.size >= MAX_TEMPLATES) this.#templates.clear();
    const made = templateOf(concluded, grant, claimBytes);
    this.#templates.set(key, made);
    return made;
  }
}

/** Nothing stands in it that comes with one request alone, but for decision id and claim. */
function isPlain(
  { claim, traceparent, wouldRefuse, spoofed, facts }: Concluded,
  { verified }: Grant,
): boolean {
  return (
    claim !== undefined &&
    traceparent === undefined &&
    wouldRefuse === undefined &&
    spoofed.length === 0 &&
    facts.policy === verified.policy &&
    isSameCaller(facts, verified.context)
  );
}

function fits(template: Template, concluded: Concluded, { verified }: Grant, claimBytes: number): boolean {
  return (
    template.policy === verified.policy &&
    template.headerNames === concluded.headerNames &&
    template.decisionIdBytes === concluded.decisionId.length &&
    template.claimBytes === claimBytes &&
    isSameCaller(template.context, verified.context)
  );
}

function templateOf(concluded: Concluded, { verified }: Grant, claimBytes: number): Template {
  const { headerNames, decisionId } = concluded;
  const decisionMark = markOf(DECISION_MARK, decisionId.length);
  const claimMark = markOf(CLAIM_MARK, claimBytes);
  const marked = encodeAnswer({ ...concluded, decisionId: decisionMark, claim: claimMark });
  const pieces = piecesOf(Buffer.from(marked).toString('latin1'), decisionMark, claimMark);
  const again = pieces && joined(pieces, decisionId, text(concluded.claim ?? ''));
  return {
    policy: verified.policy,
    headerNames,
    context: verified.context,
    decisionIdBytes: decisionId.length,
    claimBytes,
    // None is taken that does not give the answer that it was made from.
    pieces: again?.equals(encodeAnswer(concluded)) === true ? pieces : undefined,
  };
}

/**
 * What begins with its first character alone is not found one byte too early, where the length before it ends in the same
 * byte. Where anything else has one in it, there is no template.
 */
function markOf(first: string, length: number): string {
  return first.padEnd(length, '\x00').slice(0, length);
}

function piecesOf(marked: string, decisionMark: string, claimMark: string): Pieces | undefined {
  const ofDecision = marked.split(decisionMark);
  const [start = '', between = '', rest = ''] = ofDecision;
  const ofClaim = rest.split(claimMark);
  const [beforeClaim = '', end = ''] = ofClaim;
  return ofDecision.length === 3 && ofClaim.length === 2 ? [start, between, beforeClaim, end] : undefined;
}

function joined([start, between, beforeClaim, end]: Pieces, decisionId: string, claim: string): Buffer {
  return bytes(start + decisionId + between + decisionId + beforeClaim + claim + end);
}
