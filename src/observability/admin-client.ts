/** One plain HTTP exchange with an admin endpoint, of Envoy or of the verifier, over TCP or a Unix socket: bounded in bytes and time. */
import { request, type IncomingMessage, type RequestOptions } from 'node:http';
import { performance } from 'node:perf_hooks';

/** Where an admin endpoint is: `http://127.0.0.1:9901`, or `unix:/run/envoy/admin.sock` (`unix:@name` for abstract ones). */
export type AdminAddress =
  { readonly kind: 'tcp'; readonly url: URL } | { readonly kind: 'unix'; readonly path: string };

/** What came back. */
export interface AdminPage {
  readonly status: number;
  readonly body: string;
  /** By its `date` header against ours, seconds; undefined without one. */
  readonly aheadSeconds: number | undefined;
}

/** Bounds of one exchange. */
export interface AdminBounds {
  readonly maxBytes: number;
  readonly timeoutMilliseconds: number;
}

/** More than any page that a command reads, but for a dump of Envoy's. */
const MAX_PAGE_BYTES = 1_048_576;

/** GETs a path. Rejects, in plain words, when there is no whole answer within the bounds. Nothing is followed. */
export function getAdminPage(address: AdminAddress, path: string, bounds: AdminBounds): Promise<AdminPage> {
  return exchange({ ...target(address, path), method: 'GET' }, bounds);
}

/** The page at a URL. Rejects as {@link getAdminPage} does. */
export function fetchPage(method: 'GET' | 'POST', url: URL, timeoutMilliseconds: number): Promise<AdminPage> {
  const options = { ...target({ kind: 'tcp', url }, `${url.pathname}${url.search}`), method };
  return exchange(options, { maxBytes: MAX_PAGE_BYTES, timeoutMilliseconds });
}

function exchange(
  options: RequestOptions,
  { maxBytes, timeoutMilliseconds }: AdminBounds,
): Promise<AdminPage> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMilliseconds);
    signal.addEventListener('abort', () => reject(new Error(`no answer within ${timeoutMilliseconds} ms`)));
    const started = performance.now();
    const call = request({ ...options, agent: false, signal }, (response) => {
      const elapsed = performance.now() - started;
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length <= maxBytes) return void chunks.push(chunk);
        // At once, as the whole of it may be here already, and its end comes before an error of the call.
        reject(new Error(`the answer is longer than ${maxBytes} bytes`));
        call.destroy();
      });
      response.on('end', () => resolve(pageOf(response, Buffer.concat(chunks), elapsed)));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}

/** As people write it; the `Host` of a Unix socket is a loopback name, as admin ports answer to no other. */
function target(address: AdminAddress, path: string): RequestOptions {
  if (address.kind === 'tcp') {
    const { hostname, port } = address.url;
    return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 80 : Number(port), path };
  }
  const socketPath = address.path.startsWith('@') ? `\0${address.path.slice(1)}` : address.path;
  return { socketPath, path, headers: { host: 'localhost' } };
}

/** The date is that of some moment of the exchange, cut to its second: the middle of both is compared. */
function pageOf(response: IncomingMessage, body: Buffer, elapsedMs: number): AdminPage {
  const date = Date.parse(response.headers.date ?? '');
  const ours = Date.now() - elapsedMs / 2;
  const ahead = Number.isNaN(date) ? undefined : Math.round((date + 500 - ours) / 1000);
  return { status: response.statusCode ?? 0, body: body.toString(), aheadSeconds: ahead };
}
