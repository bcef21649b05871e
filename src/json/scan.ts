/** The way in for a request: a document is judged whole, and the values that a policy asks for are picked out. */
import { BACKSLASH } from './bytes.js';
import type { JsonFault } from './faults.js';
import { compileSelection, type Selection, type SelectionNode, findMember } from './selection.js';
import { STRING_HAS_ESCAPES, STRING_HAS_NON_ASCII, escapeLength, escapedUnit } from './strings.js';
import { Tokeniser } from './tokeniser.js';
import { Token, type ValueToken, isValueToken } from './tokens.js';

export { compileSelection, type Selection, type SelectionOptions } from './selection.js';

/** A value that a pointer selected. A number with a fraction or an exponent is a float, any other an integer. */
export type SelectedValue =
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'integer'; readonly lexeme: string }
  | { readonly type: 'float'; readonly lexeme: string }
  | { readonly type: 'boolean'; readonly value: boolean }
  | { readonly type: 'null' }
  | { readonly type: 'object' }
  | { readonly type: 'array' };

/** What was found in a document that is acceptable JSON. Nothing is known of the values beyond their type. */
export interface ScanSuccess {
  readonly ok: true;
  readonly rootIsObject: boolean;
  /** Pointer of the first closed object in which an undeclared member was seen; it is ours, never the sender's text. */
  readonly unknownMember: string | undefined;
  /** The value of a pointer, by its index in `SelectionOptions.pointers`; undefined when the document has none. */
  get(pointerIndex: number): SelectedValue | undefined;
}

/** Why and where (byte offset) a document is not acceptable JSON. */
interface ScanFailure {
  readonly ok: false;
  readonly fault: JsonFault;
  readonly offset: number;
}

/** The answer of `scanJson`. */
type ScanResult = ScanSuccess | ScanFailure;

const OBJECT: SelectedValue = { type: 'object' };
const ARRAY: SelectedValue = { type: 'array' };
const NULL: SelectedValue = { type: 'null' };
const TRUE: SelectedValue = { type: 'boolean', value: true };
const FALSE: SelectedValue = { type: 'boolean', value: false };

/**
 * Judges a whole document strictly (RFC 8259 and the limits of `JsonFault`: duplicate names at any depth, 64 levels)
 * and picks out the selected values, in one pass and time linear in its length. It never throws, whatever the bytes.
 */
export function scanJson(bytes: Uint8Array, selection: Selection): ScanResult {
  SCAN.begin(bytes, selection);
  const result = SCAN.run();
  SCAN.begin(NO_BYTES, NO_SELECTION);
  return result;
}

/** One for all: a scan ends before anything else can begin, and what it needs besides its result is not made anew for each body. */
class Scan {
  #document: Buffer = NO_BYTES;
  readonly #tokeniser = new Tokeniser(NO_BYTES);
  #result = NOTHING_FOUND;
  /** The node of each open object or array; undefined where nothing is selected, and in arrays. */
  readonly #nodes: (SelectionNode | undefined)[] = [];
  /** The node of the value that is next. */
  #node: SelectionNode | undefined;

  begin(bytes: Uint8Array, selection: Selection): void {
    this.#document = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#tokeniser.begin(bytes);
    this.#result = selection === NO_SELECTION ? NOTHING_FOUND : new FoundValues(selection);
    this.#node = selection.root;
  }

  run(): ScanResult {
    const tokeniser = this.#tokeniser;
    for (;;) {
      const token = tokeniser.next();
      if (token === Token.name) this.#enterMember();
      else if (isValueToken(token)) this.#takeValue(token);
      else if (token === Token.end) return this.#result;
      else if (token === Token.fault) return this.#failure();
    }
  }

  #enterMember(): void {
    const object = this.#nodes[this.#tokeniser.depth - 1];
    if (object === undefined) return;
    const member = findMember(object, this.#tokeniser.names);
    this.#node = member?.node;
    if (object.isClosed && member?.isDeclared !== true) this.#result.unknownMember ??= object.pointer;
  }

  #takeValue(token: ValueToken): void {
    const node = this.#node;
    this.#node = undefined;
    if (node !== undefined && node.slot >= 0)
      this.#result.put(node.slot, selectedValue(this.#document, this.#tokeniser, token));
    const level = this.#tokeniser.depth - 1;
    if (token === Token.beginObject) {
      if (level === 0) this.#result.rootIsObject = true;
      this.#nodes[level] = node;
    } else if (token === Token.beginArray) {
      this.#nodes[level] = undefined;
    }
  }

  #failure(): ScanFailure {
    const { fault, faultOffset } = this.#tokeniser;
    if (fault === undefined) throw new Error('a fault token without a fault');
    return { ok: false, fault, offset: faultOffset };
  }
}

/** The tokeniser's last token, a value or the beginning of one, as a value: a copy that does not keep the document alive. */
export function selectedValue(document: Buffer, tokeniser: Tokeniser, token: ValueToken): SelectedValue {
  const { start, end, stringFlags } = tokeniser;
  switch (token) {
    case Token.string:
      return { type: 'string', value: stringValue(document, start, end, stringFlags) };
    case Token.integer:
      return { type: 'integer', lexeme: document.toString('latin1', start, end) };
    case Token.float:
      return { type: 'float', lexeme: document.toString('latin1', start, end) };
    case Token.beginObject:
      return OBJECT;
    case Token.beginArray:
      return ARRAY;
    case Token.true:
      return TRUE;
    case Token.false:
      return FALSE;
    case Token.null:
      return NULL;
  }
}

/**
 * The value of a validated string content as a JavaScript string, a copy that does not keep the document alive.
 * Escaped lone surrogates stay as they are; escaped pairs, as two code units in a row, are whole characters.
 */
function stringValue(document: Buffer, start: number, end: number, flags: number): string {
  const encoding = (flags & STRING_HAS_NON_ASCII) === 0 ? 'latin1' : 'utf8';
  if ((flags & STRING_HAS_ESCAPES) === 0) return document.toString(encoding, start, end);
  let text = '';
  let from = start;
  while (from < end) {
    const at = nextBackslash(document, from, end);
    if (at > from) text += document.toString(encoding, from, at);
    if (at === end) break;
    text += String.fromCharCode(escapedUnit(document, at));
    from = at + escapeLength(document, at);
  }
  return text;
}

function nextBackslash(document: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end && document[at] !== BACKSLASH) at += 1;
  return at;
}

class FoundValues implements ScanSuccess {
  readonly ok = true;
  rootIsObject = false;
  unknownMember: string | undefined = undefined;
  readonly #slots: readonly number[];
  readonly #values: (SelectedValue | undefined)[];

  constructor(selection: Selection) {
    this.#slots = selection.slots;
    this.#values = new Array<SelectedValue | undefined>(selection.slotCount);
  }

  put(slot: number, value: SelectedValue): void {
    this.#values[slot] = value;
  }

  get(pointerIndex: number): SelectedValue | undefined {
    const slot = this.#slots[pointerIndex];
    return slot === undefined ? undefined : this.#values[slot];
  }
}

const NO_BYTES = Buffer.alloc(0);
const NO_SELECTION = compileSelection({ pointers: [], closedObjects: [] });
const NOTHING_FOUND = new FoundValues(NO_SELECTION);
const SCAN = new Scan();
