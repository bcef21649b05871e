/** A request as a list of facts that each client writes down as it is told to, however wrong they are. */

/** The two protocols that Envoy's TLS listener speaks. */
export type Protocol = 'HTTP/1.1' | 'HTTP/2';

export const PROTOCOLS: readonly Protocol[] = ['HTTP/1.1', 'HTTP/2'];

/** One header line; a value has one character a byte (Latin-1). */
export type HeaderLine = readonly [name: string, value: string];

/** The client certificate of a connection, PEM; empty for a client that has none. */
export interface TlsIdentity {
  readonly certificate?: string;
  readonly certificateKey?: string;
}

export interface Outgoing {
  readonly over: TlsIdentity;
  readonly method: string;
  /** The request target, written as it is. */
  readonly path: string;
  /** Duplicates and their order are kept. */
  readonly headers: readonly HeaderLine[];
  readonly body: Buffer;
  /** `length`: a `content-length`. `unannounced`: chunked, or DATA frames alone. `none`: headers and nothing else. */
  readonly framing: 'length' | 'unannounced' | 'none';
  /** Sizes of the pieces in which the body is sent; what is left is the last one. Default: one piece. */
  readonly pieces?: readonly number[];
  readonly trailers?: readonly HeaderLine[];
  /** Default `localhost`. */
  readonly authority?: string;
}

/** What came back; status 0 is a connection that ended without an answer, with the reason as the body. */
export interface Answer {
  readonly status: number;
  /** By lower-case name; several lines joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Statuses of the interim (1xx) answers before it. */
  readonly interim: readonly number[];
}

/** Where Envoy's listener is, and whose server certificate it has. */
export interface Door {
  /** Default: 127.0.0.1. */
  readonly address?: string;
  readonly port: number;
  /** PEM of the CA. */
  readonly authority: string;
}

/** No answer of a federation takes longer, its upstream retries included. */
export const ANSWER_MILLISECONDS = 15_000;

const sameName =
  (name: string) =>
  ([other]: HeaderLine): boolean =>
    other.toLowerCase() === name.toLowerCase();

/** The value of a header that the request was made with. */
export function headerOf(outgoing: Outgoing, name: string): string {
  const line = outgoing.headers.find(sameName(name));
  if (line === undefined) throw new Error(`the request was made without ${name}`);
  return line[1];
}

/** The same request with one more header line at its end. */
export function adding(outgoing: Outgoing, ...lines: readonly HeaderLine[]): Outgoing {
  return { ...outgoing, headers: [...outgoing.headers, ...lines] };
}

export function removing(outgoing: Outgoing, name: string): Outgoing {
  return { ...outgoing, headers: outgoing.headers.filter((line) => !sameName(name)(line)) };
}

/** The same request with another value in the place of the header's first line. */
export function replacing(outgoing: Outgoing, name: string, value: string): Outgoing {
  headerOf(outgoing, name);
  return {
    ...outgoing,
    headers: outgoing.headers.map((line) => (sameName(name)(line) ? [line[0], value] : line)),
  };
}

/** The body in the pieces that the request asks for. */
export function piecesOf({ body, pieces = [] }: Outgoing): Buffer[] {
  const cut: Buffer[] = [];
  let from = 0;
  for (const size of pieces) {
    cut.push(body.subarray(from, from + size));
    from += size;
  }
  if (from < body.length || cut.length === 0) cut.push(body.subarray(from));
  return cut;
}
