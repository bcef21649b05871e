/** One plain HTTP exchange with an admin port. */
import { request } from 'node:http';

/** What came back. */
interface Page {
  readonly status: number;
  readonly body: string;
}

/** Longer than any page that a command reads. */
const MAX_PAGE_BYTES = 1_048_576;

/** The page at a URL. Rejects when nobody answers whole within the time. */
export function fetchPage(method: 'GET' | 'POST', url: URL, timeoutMilliseconds: number): Promise<Page> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMilliseconds);
    const late = (): void => reject(new Error(`no answer within ${timeoutMilliseconds} ms`));
    signal.addEventListener('abort', late);
    const call = request(url, { method, agent: false, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > MAX_PAGE_BYTES) call.destroy(new Error('the answer is too long'));
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    call.on('error', reject);
    call.end();
  });
}
