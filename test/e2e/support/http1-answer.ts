/** As much of RFC 9112 as it takes to read one answer of Envoy's. */
import type { Answer } from './outgoing.js';

interface Head {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly bodyStart: number;
}

/**
 * The answer once it is complete; undefined while bytes are missing. At the end of the connection what is there
 * counts. `toHead`: there is no body, whatever the headers say (RFC 9112, section 6.3).
 */
export function parseAnswer(received: Buffer, ended: boolean, toHead = false): Answer | undefined {
  const interim: number[] = [];
  let start = 0;
  for (;;) {
    const head = parseHead(received, start);
    if (head === undefined) return undefined;
    const body = toHead ? '' : readBody(received.subarray(head.bodyStart), head, ended);
    if (head.status >= 200 || head.status === 101) {
      return body === undefined ? undefined : { status: head.status, headers: head.headers, body, interim };
    }
    interim.push(head.status);
    start = head.bodyStart;
  }
}

function parseHead(received: Buffer, start: number): Head | undefined {
  const end = received.indexOf('\r\n\r\n', start);
  if (end < 0) return undefined;
  const [statusLine = '', ...lines] = received.toString('latin1', start, end).split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const status = Number(/^HTTP\/1\.[01] ([0-9]{3})/.exec(statusLine)?.[1] ?? Number.NaN);
  return { status, headers, bodyStart: end + 4 };
}

function readBody(rest: Buffer, { status, headers }: Head, ended: boolean): string | undefined {
  if (status === 204 || status === 304) return '';
  const length = headers.get('content-length');
  if (headers.get('transfer-encoding') === 'chunked') return readChunks(rest);
  if (length === undefined) return ended ? rest.toString() : undefined;
  const wanted = Number(length);
  return rest.length >= wanted || ended ? rest.subarray(0, wanted).toString() : undefined;
}

function readChunks(rest: Buffer): string | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number(`0x${rest.toString('latin1', at, lineEnd)}`);
    if (size === 0) return Buffer.concat(chunks).toString();
    chunks.push(rest.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}
