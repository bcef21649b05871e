/** What is picked out of a document: JSON pointers and closed objects, compiled to a tree of the names that matter. */
import { hashBytes, sameBytes } from './bytes.js';
import { encodeName } from './utf8.js';

/**
 * The member names of a JSON pointer, unescaped, or undefined when the text is not one: it must be empty or begin
 * with a slash, and a tilde must be followed by 0 or 1. Source: RFC 6901, sections 3 and 4.
 */
export function parsePointer(text: string): readonly string[] | undefined {
  if (text === '') return [];
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** What to pick out of a document, and which of its objects may hold only named members. */
export interface SelectionOptions {
  /** RFC 6901 pointers, through object members only: a pointer never matches an array's element. */
  readonly pointers: readonly string[];
  /** Objects, by pointer ('' is the root), all of whose members must be named in `members`. */
  readonly closedObjects: readonly { readonly pointer: string; readonly members: readonly string[] }[];
}

/** A compiled `SelectionOptions`: a tree of the names that matter. Immutable; made once per configuration. */
export interface Selection {
  readonly root: SelectionNode;
  /** For each pointer, in the order given, the slot of its value: pointers that are equal share one. */
  readonly slots: readonly number[];
  readonly slotCount: number;
}

/** A value that a pointer goes to or through, or a member that a closed object allows. */
export interface SelectionNode {
  readonly pointer: string;
  /** Where the value is kept, or -1 when it is not selected. */
  readonly slot: number;
  readonly isClosed: boolean;
  readonly members: readonly SelectionMember[];
}

interface SelectionMember {
  readonly name: Uint8Array;
  readonly hash: number;
  /** Whether the object, when it is closed, allows this member. */
  readonly isDeclared: boolean;
  readonly node: SelectionNode;
}

/**
 * Compiles pointers and closed objects.
 * @throws TypeError when a pointer is not RFC 6901's: the configuration loader has judged them by `parsePointer`.
 */
export function compileSelection(options: SelectionOptions): Selection {
  const root = newDraft('');
  const slotsByPointer = new Map<string, number>();
  const slots = options.pointers.map((pointer) => {
    const slot = slotsByPointer.get(pointer) ?? slotsByPointer.size;
    slotsByPointer.set(pointer, slot);
    draftAt(root, pointer).slot = slot;
    return slot;
  });
  for (const { pointer, members } of options.closedObjects) {
    const draft = draftAt(root, pointer);
    draft.isClosed = true;
    for (const name of members) childOf(draft, name).isDeclared = true;
  }
  return { root: compileDraft(root), slots, slotCount: slotsByPointer.size };
}

/** The member of a node with this unescaped name (a byte range with its `hashBytes`), if the node has one. */
export function findMember(
  node: SelectionNode,
  name: { readonly source: Uint8Array; readonly start: number; readonly end: number; readonly hash: number },
): SelectionMember | undefined {
  const { members } = node;
  const length = name.end - name.start;
  // Not `for…of`: its iterator stays an object here, and took a third of the time.
  for (let index = 0, count = members.length; index < count; index += 1) {
    const member = members[index];
    if (member?.hash !== name.hash || member.name.length !== length) continue;
    if (sameBytes(member.name, 0, name.source, name.start, length)) return member;
  }
  return undefined;
}

interface Draft {
  readonly pointer: string;
  readonly children: Map<string, Draft>;
  slot: number;
  isClosed: boolean;
  isDeclared: boolean;
}

function newDraft(pointer: string): Draft {
  return { pointer, children: new Map(), slot: -1, isClosed: false, isDeclared: false };
}

function draftAt(root: Draft, pointer: string): Draft {
  const names = parsePointer(pointer);
  if (names === undefined) throw new TypeError(`not a JSON pointer: ${JSON.stringify(pointer)}`);
  let draft = root;
  for (const name of names) draft = childOf(draft, name);
  return draft;
}

function childOf(parent: Draft, name: string): Draft {
  const known = parent.children.get(name);
  if (known !== undefined) return known;
  const child = newDraft(`${parent.pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`);
  parent.children.set(name, child);
  return child;
}

function compileDraft(draft: Draft): SelectionNode {
  const members = Array.from(draft.children, ([text, child]) => {
    const name = encodeName(text);
    return {
      name,
      hash: hashBytes(name, 0, name.length),
      isDeclared: child.isDeclared,
      node: compileDraft(child),
    };
  });
  return { pointer: draft.pointer, slot: draft.slot, isClosed: draft.isClosed, members };
}
