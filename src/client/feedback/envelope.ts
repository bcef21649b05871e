/** Taking a delivered answer apart (docs/wire-contract.md#a-signed-answer). Nothing read here is verified yet. */
import { canonicalizeMember } from '../../feedback/canonical-json.js';
import type { JsonFault } from '../../json/faults.js';
import { Tokeniser } from '../../json/tokeniser.js';
import { Token } from '../../json/tokens.js';
import { isSignableField, SIGNED_MEMBERS, type EnvelopeMember } from '../../feedback/envelope.js';
import { NONCE, TIMESTAMP } from '../../protocol/syntax.js';
import { readObject, type JsonObject } from './json-object.js';

/** An envelope as it says it is. */
export interface Envelope {
  /** The canonical form of `data`, an array, in ASCII. */
  readonly canonicalData: Uint8Array;
  /** Any text: it is decoded once the key is known. */
  readonly signature: string;
  readonly kid: string;
  readonly algorithm: string;
  /** Unix seconds. */
  readonly signedAtSeconds: number;
  readonly nonce: string;
  readonly schemaVersion: string;
  /** Not covered by the signature. */
  readonly requestId: string | undefined;
}

/** Why a text is no envelope. */
export type EnvelopeFault =
  | { readonly code: 'malformed_json'; readonly fault: JsonFault; readonly offset: number }
  /** JSON, but no object. */
  | { readonly code: 'malformed_envelope'; readonly problem: 'no_object' }
  | {
      readonly code: 'malformed_envelope';
      readonly problem: 'missing' | 'type' | 'syntax';
      readonly member: EnvelopeMember;
    };

const OPEN_BRACKET = 0x5b;
const MEMBERS: ReadonlySet<string> = new Set([...SIGNED_MEMBERS, 'request_id']);

/** Reads an envelope; its text is judged as a whole (duplicate names at any depth included). Never throws. */
export function readEnvelope(text: Uint8Array): Envelope | EnvelopeFault {
  const data = canonicalizeMember(text, '/data');
  if (!data.ok) return { code: 'malformed_json', fault: data.fault, offset: data.offset };
  const tokeniser = new Tokeniser(text);
  if (tokeniser.next() !== Token.beginObject) return { code: 'malformed_envelope', problem: 'no_object' };
  const reader = new EnvelopeReader(readObject(text, tokeniser, MEMBERS));
  return reader.read(data.member?.canonical);
}

/** Keeps the first fault, so that the reading itself is one plain list. */
class EnvelopeReader {
  readonly #members: JsonObject;
  #fault: EnvelopeFault | undefined;

  constructor(members: JsonObject) {
    this.#members = members;
  }

  read(data: Uint8Array | undefined): Envelope | EnvelopeFault {
    const requestId = this.#members.get('request_id');
    const envelope: Envelope = {
      canonicalData: this.#array('data', data),
      signature: this.#text('signature'),
      kid: this.#text('kid'),
      algorithm: this.#text('signature_algorithm'),
      signedAtSeconds: this.#seconds('signed_at'),
      nonce: this.#textOf('nonce', (text) => NONCE.test(text)),
      schemaVersion: this.#textOf('schema_version', isSignableField),
      requestId: requestId?.type === 'string' ? requestId.value : undefined,
    };
    return this.#fault ?? envelope;
  }

  #fail(member: EnvelopeMember, problem: 'missing' | 'type' | 'syntax'): void {
    this.#fault ??= { code: 'malformed_envelope', problem, member };
  }

  #array(member: EnvelopeMember, canonical: Uint8Array | undefined): Uint8Array {
    if (canonical === undefined) this.#fail(member, 'missing');
    else if (canonical[0] !== OPEN_BRACKET) this.#fail(member, 'type');
    return canonical ?? new Uint8Array(0);
  }

  #text(member: EnvelopeMember): string {
    const found = this.#members.get(member);
    if (found?.type === 'string') return found.value;
    this.#fail(member, found === undefined ? 'missing' : 'type');
    return '';
  }

  #textOf(member: EnvelopeMember, hasSyntax: (text: string) => boolean): string {
    const text = this.#text(member);
    if (!hasSyntax(text)) this.#fail(member, 'syntax');
    return text;
  }

  #seconds(member: EnvelopeMember): number {
    const found = this.#members.get(member);
    if (found?.type !== 'integer') this.#fail(member, found === undefined ? 'missing' : 'type');
    else if (!TIMESTAMP.test(found.lexeme)) this.#fail(member, 'syntax');
    return found?.type === 'integer' ? Number(found.lexeme) : 0;
  }
}
