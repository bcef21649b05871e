/** Reading the list of adjustments: its canonical form is written, and each adjustment is judged when it ends. */
import { selectedValue } from '../json/scan.js';
import { findMember } from '../json/selection.js';
import type { Tokeniser } from '../json/tokeniser.js';
import { Token, isValueToken } from '../json/tokens.js';
import {
  ADJUSTMENT_MEMBERS,
  judgeAdjustment,
  type AdjustmentDemands,
  type AdjustmentValues,
} from './adjustment-contract.js';
import { CanonicalWriter } from './canonical-writer.js';
import { refuseAnswer, type AnswerRefusal } from './refusal-code.js';

/** A list whose adjustments have met the demands. */
export interface AdjustmentList {
  readonly kind: 'list';
  /** The canonical form, in ASCII. */
  readonly canonical: Uint8Array;
  readonly count: number;
}

/** A place to read from. */
export interface ListSource {
  readonly body: Buffer;
  /** Over `body`; its last token was the opening bracket of the list. */
  readonly tokeniser: Tokeniser;
  /** How many arrays and objects may be open in `body`, those around the list included. */
  readonly maxDepth: number;
}

/** Reads the tokens up to the end of the list, or up to what is refused. */
export function readAdjustmentList(
  source: ListSource,
  demands: AdjustmentDemands,
): AdjustmentList | AnswerRefusal {
  const { tokeniser, maxDepth } = source;
  const writer = new CanonicalWriter(source.body, tokeniser);
  const judge = new ListJudge(source, demands);
  const listDepth = tokeniser.depth;
  writer.write(Token.beginArray);
  for (;;) {
    const token = tokeniser.next();
    if (token === Token.fault) return refuseAnswer('answer_not_json', tokeniser.fault ?? 'a fault');
    if (tokeniser.depth > maxDepth) return refuseAnswer('answer_not_json', 'too_deep');
    writer.write(token);
    if (tokeniser.depth < listDepth)
      return { kind: 'list', canonical: writer.finish(), count: judge.adjustments };
    const refusal = judge.see(token, tokeniser.depth - listDepth);
    if (refusal !== undefined) return refusal;
  }
}

class ListJudge {
  /** Those that have ended. */
  adjustments = 0;
  readonly #source: ListSource;
  readonly #demands: AdjustmentDemands;
  #values: AdjustmentValues = [];
  /** Where the value of the last name goes, when it is one that is looked at. */
  #slot: number | undefined;

  constructor(source: ListSource, demands: AdjustmentDemands) {
    this.#source = source;
    this.#demands = demands;
  }

  /** Looks at a token of the list; `depth` is 0 beside the adjustments and 1 among the members of one. */
  see(token: Token, depth: number): AnswerRefusal | undefined {
    const { body, tokeniser } = this.#source;
    if (token === Token.name) {
      this.#slot = depth === 1 ? findMember(ADJUSTMENT_MEMBERS, tokeniser.names)?.node.slot : undefined;
    } else if (this.#slot !== undefined && isValueToken(token)) {
      this.#values[this.#slot] = selectedValue(body, tokeniser, token);
      this.#slot = undefined;
    } else if (depth === 1 && token === Token.beginObject) {
      this.#values = [];
    } else if (depth === 0 && token === Token.endObject) {
      return judgeAdjustment(this.#values, this.adjustments++, this.#demands);
    } else if (depth === 0 || (depth === 1 && token === Token.beginArray)) {
      return refuseAnswer('adjustment_shape', `adjustment ${this.adjustments}: it is not an object`);
    }
    return undefined;
  }
}
