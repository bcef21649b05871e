/** Reading an upstream's answer in one pass over its bytes: the envelope around the adjustments is taken apart. */
import { MAX_DEPTH } from '../json/faults.js';
import { selectedValue, type SelectedValue } from '../json/scan.js';
import { compileSelection, findMember } from '../json/selection.js';
import { Tokeniser } from '../json/tokeniser.js';
import { Token, isValueToken } from '../json/tokens.js';
import { type AdjustmentDemands, type AdjustmentList, readAdjustmentList } from './adjustments.js';
import { CanonicalWriter } from './canonical-writer.js';
import { refuseAnswer, type AnswerRefusal } from './refusal-code.js';

/** What is kept of an answer. Its adjustments have met the demands. */
export interface ReadAnswer {
  readonly kind: 'read';
  readonly list: AdjustmentList;
  /** As the upstream said them; undefined where it said nothing. */
  readonly requestId: string | undefined;
  readonly status: string | undefined;
  /** A JSON list, in its canonical form. */
  readonly errors: Uint8Array | undefined;
}

/**
 * Reads a bare list of adjustments, or an object with the list under `data`: `{"data": […]}` or a whole envelope.
 * Of the object `request_id`, `status` and `errors` are kept; everything else in it (a signature, members that the
 * contract does not know) is judged as JSON and dropped. Never throws, whatever the bytes.
 */
export function readAnswer(body: Buffer, demands: AdjustmentDemands): ReadAnswer | AnswerRefusal {
  return new AnswerReader(body, demands).read();
}

const MEMBERS = ['request_id', 'status', 'errors', 'data'] as const;
const MEMBER_NODE = compileSelection({
  pointers: MEMBERS.map((name) => `/${name}`),
  closedObjects: [],
}).root;

/** Any text that can be an id in a record. */
const MAX_REQUEST_ID_CHARACTERS = 256;
/** A short token; `rejected`, the status of our refusals, is not among those of an answer that is signed. */
const STATUS_WORD = /^(?!rejected$)[A-Za-z0-9._-]{1,64}$/;

class AnswerReader {
  readonly #body: Buffer;
  readonly #demands: AdjustmentDemands;
  readonly #tokeniser: Tokeniser;
  #list: AdjustmentList | undefined;
  #requestId: string | undefined;
  #status: string | undefined;
  #errors: Uint8Array | undefined;

  constructor(body: Buffer, demands: AdjustmentDemands) {
    this.#body = body;
    this.#demands = demands;
    this.#tokeniser = new Tokeniser(body);
  }

  read(): ReadAnswer | AnswerRefusal {
    const refusal = this.#readRoot(this.#tokeniser.next());
    if (refusal !== undefined) return refusal;
    if (this.#tokeniser.next() !== Token.end) return this.#notJson();
    if (this.#list === undefined) return refuseAnswer('answer_shape', 'there is no member data');
    return {
      kind: 'read',
      list: this.#list,
      requestId: this.#requestId,
      status: this.#status,
      errors: this.#errors,
    };
  }

  #readRoot(first: Token): AnswerRefusal | undefined {
    if (first === Token.fault) return this.#notJson();
    // In the envelope that is delivered, a bare list lies one level deeper than here.
    if (first === Token.beginArray) return this.#readData(MAX_DEPTH - 1);
    if (first === Token.beginObject) return this.#readEnvelope();
    return refuseAnswer('answer_shape', 'the answer is neither a list nor an object');
  }

  #readEnvelope(): AnswerRefusal | undefined {
    const tokeniser = this.#tokeniser;
    for (let token = tokeniser.next(); token !== Token.endObject; token = tokeniser.next()) {
      if (token === Token.fault) return this.#notJson();
      const slot = findMember(MEMBER_NODE, tokeniser.names)?.node.slot;
      const refusal = this.#readMember(slot === undefined ? undefined : MEMBERS[slot], tokeniser.next());
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  #readMember(name: (typeof MEMBERS)[number] | undefined, token: Token): AnswerRefusal | undefined {
    if (!isValueToken(token)) return this.#notJson();
    switch (name) {
      case 'data':
        if (token !== Token.beginArray) return refuseAnswer('answer_shape', 'data is not a list');
        return this.#readData(MAX_DEPTH);
      case 'errors':
        if (token !== Token.beginArray) return refuseAnswer('answer_shape', 'errors is not a list');
        return this.#readErrors();
      case 'request_id':
        return this.#takeRequestId(selectedValue(this.#body, this.#tokeniser, token));
      case 'status':
        return this.#takeStatus(selectedValue(this.#body, this.#tokeniser, token));
      case undefined:
        return this.#skip(token);
    }
  }

  #readData(maxDepth: number): AnswerRefusal | undefined {
    const source = { body: this.#body, tokeniser: this.#tokeniser, maxDepth };
    const list = readAdjustmentList(source, this.#demands);
    if (list.kind === 'refused') return list;
    this.#list = list;
    return undefined;
  }

  #readErrors(): AnswerRefusal | undefined {
    const writer = new CanonicalWriter(this.#body, this.#tokeniser);
    if (!writer.writeValue(Token.beginArray)) return this.#notJson();
    this.#errors = writer.finish();
    return undefined;
  }

  #takeRequestId(value: SelectedValue): AnswerRefusal | undefined {
    if (value.type !== 'string' || value.value === '' || value.value.length > MAX_REQUEST_ID_CHARACTERS)
      return refuseAnswer('answer_shape', 'request_id is not a text of 1 to 256 characters');
    this.#requestId = value.value;
    return undefined;
  }

  #takeStatus(value: SelectedValue): AnswerRefusal | undefined {
    if (value.type !== 'string' || !STATUS_WORD.test(value.value))
      return refuseAnswer('answer_shape', 'status is not the word of an answer');
    this.#status = value.value;
    return undefined;
  }

  #skip(first: Token): AnswerRefusal | undefined {
    const tokeniser = this.#tokeniser;
    if (first !== Token.beginObject && first !== Token.beginArray) return undefined;
    const outerDepth = tokeniser.depth - 1;
    while (tokeniser.depth > outerDepth) if (tokeniser.next() === Token.fault) return this.#notJson();
    return undefined;
  }

  #notJson(): AnswerRefusal {
    return refuseAnswer('answer_not_json', this.#tokeniser.fault ?? 'a fault');
  }
}
