/** Streams of ProcessingRequests: an answer is signed for its own query or withheld, and never passes as it is. */
import { isDeepStrictEqual } from 'node:util';
import {
  DECISION_ID,
  fakeSigner,
  GOOD_HEADERS,
  holds,
  adjustment,
  POLICY,
} from '../../support/fake-signer.js';
import {
  bodyMessage,
  headersMessage,
  readProcessingResponse,
  type HeadersParts,
  type ReadProcessingResponse,
} from '../../support/processing-messages.js';
import { DocumentSource, type Chance } from '../../property/json-documents.js';
import { mutate } from '../mutate.js';
import { checkEach, type Target } from '../target.js';
import { contentsAt, mutateFields } from '../wire.js';

/** An input is the messages of one stream, each behind its length, four bytes. */
function joined(messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((message) => [length(message), message]));
}

function length({ length: bytes }: Buffer): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(bytes);
  return prefix;
}

function split(input: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 4 <= input.length;) {
    const end = at + 4 + input.readUInt32BE(at);
    messages.push(input.subarray(at + 4, end));
    at = end;
  }
  return messages;
}

/** Paths of field numbers (envoy.service.ext_proc.v3): response_headers 3, response_body 5, metadata_context 8. */
const HEADER_FIELD = [3, 1, 1];
const BODY_FIELD = [5, 1];
const NAMESPACE_FIELD = [8, 1];
const VALUE_FIELD = [2, 1];
const STRING_FIELD = [2, 3];

const textAt = (message: Buffer, path: readonly number[]): string =>
  (contentsAt(message, path).at(-1) ?? Buffer.alloc(0)).toString();

/** Of map entries, or of headers: the last of that name. */
const named = (entries: readonly Buffer[], name: string): Buffer =>
  entries.filter((entry) => textAt(entry, [1]) === name).at(-1) ?? Buffer.alloc(0);

/** By a walk that is none of ours: what the verifier said of the request, and the status of the answer. */
function toldBy(message: Buffer): { readonly context: (name: string) => string; readonly status: number } {
  const namespace = named(contentsAt(message, NAMESPACE_FIELD), 'envoy.filters.http.ext_authz');
  const values = contentsAt(namespace, VALUE_FIELD);
  return {
    context: (name) => textAt(named(values, name), STRING_FIELD),
    status: Number(textAt(named(contentsAt(message, HEADER_FIELD), ':status'), [3])),
  };
}

function wrongReply(reply: ReadProcessingResponse, first: Buffer, present: Buffer): string | undefined {
  if (reply.kind === 'immediate') return undefined;
  const { context, status } = toldBy(first);
  if (reply.kind === 'headers' || reply.body === undefined) {
    if (reply.kind === 'body' && status < 400) return `passed the body of a ${status} unsigned`;
    return undefined;
  }
  if (context('code') !== 'allow' || context('policy') !== POLICY || status !== 200)
    return `signed an answer to ${context('code')}, ${context('policy')}, ${status}`;
  if (!holds(reply.body, context('tenant'))) return 'a signature that does not hold for the tenant';
  const upstream = JSON.parse(textAt(present, BODY_FIELD)) as unknown;
  const { data } = JSON.parse(reply.body) as { readonly data: unknown };
  const told = Array.isArray(upstream) ? upstream : (upstream as { readonly data?: unknown }).data;
  return isDeepStrictEqual(data, told)
    ? undefined
    : `signed other data than the upstream sent: ${reply.body}`;
}

const HEADERS: readonly [HeadersParts, ...HeadersParts[]] = [
  GOOD_HEADERS,
  { ...GOOD_HEADERS, headers: [[':status', '403']], codeDetails: 'ext_authz_denied' },
  { ...GOOD_HEADERS, context: { ...GOOD_HEADERS.context, code: 'pass_through' } },
  { ...GOOD_HEADERS, context: { ...GOOD_HEADERS.context, decision_id: DECISION_ID, code: 'replayed_nonce' } },
];

function makeStream(chance: Chance): Buffer {
  const body = chance.below(2) === 0 ? [adjustment()] : { data: [adjustment()], status: 'ok' };
  const text = chance.below(4) === 0 ? new DocumentSource(chance).document() : JSON.stringify(body);
  const messages = [headersMessage(chance.pick(HEADERS)), bodyMessage(text)];
  const at = chance.below(messages.length);
  const message = messages[at] ?? Buffer.alloc(0);
  if (chance.below(4) > 0)
    messages[at] = chance.below(3) === 0 ? mutate(chance, message) : mutateFields(chance, message);
  if (chance.below(8) === 0) messages.reverse();
  if (chance.below(8) === 0) messages.push(messages[chance.below(2)] ?? message);
  return joined(messages);
}

export function processingTarget(): Target {
  const { open, defects } = fakeSigner();
  const check = async (input: Buffer): Promise<string | undefined> => {
    defects.length = 0;
    const { session } = open();
    const messages = split(input);
    let found: string | undefined;
    for (const message of messages) {
      const reply = readProcessingResponse(await session.answer(message));
      found ??= wrongReply(reply, messages[0] ?? message, message);
    }
    session.close();
    return defects.length > 0 ? `a defect: ${String(defects[0])}` : found;
  };
  return { name: 'processing-request', make: makeStream, check: (inputs) => checkEach(inputs, check) };
}
