/** Reading an answer whole, within bounds. */
import type { IncomingMessage } from 'node:http';
import { errorCode, type SendFailure } from './send-failure.js';

/** A whole answer. */
export interface CollectedAnswer {
  readonly status: number;
  /** By lower-case name; of a repeated header the values joined by a comma (RFC 9110 §5.3). */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** Reads to the end, or gives up at the byte after `maxAnswerBytes`. A body that breaks off is a failure. */
export async function collectAnswer(
  response: IncomingMessage,
  maxAnswerBytes: number,
): Promise<CollectedAnswer | SendFailure> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxAnswerBytes) return { code: 'answer_too_large', maxAnswerBytes };
      chunks.push(chunk);
    }
  } catch (error) {
    return { code: 'connection_broken', reason: errorCode(error) };
  }
  return { status: response.statusCode ?? 0, headers: headersOf(response), body: Buffer.concat(chunks) };
}

function headersOf(response: IncomingMessage): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const [name, values] of Object.entries(response.headersDistinct))
    if (values !== undefined) headers.set(name, values.join(', '));
  return headers;
}
