/** A page in a headless Chromium: served on loopback, run until it has told its result. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../../tools/local-federation/layout.js';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Where Chromium is; installs it where that can be done. Throws with the remedy on stderr when there is none. */
export function findChromium(): string {
  const script = join(repositoryRoot(), 'scripts', 'chromium.sh');
  const found = execFileSync(script, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return found.trim().split('\n').at(-1) ?? '';
}

/** Of a page: what is served under which path, with its content type. */
export type PageFiles = ReadonlyMap<string, readonly [contentType: string, content: string | Buffer]>;

/**
 * Loads the page `/` and gives the text that it posts to `/result`.
 * With `--dump-dom` Chromium ends once the page is loaded, and loaded it is not before its image `/held` is there:
 * that comes with the result.
 */
export async function resultOfPage(chromium: string, files: PageFiles): Promise<string> {
  const page = new PageServer(files);
  const profile = mkdtempSync(join(tmpdir(), 'chromium-'));
  try {
    const url = await page.listen();
    await run(chromium, [...argumentsFor(profile), url], {
      timeout: TIMEOUT_MS,
      maxBuffer: MAX_OUTPUT_BYTES,
    });
    if (page.result === undefined) throw new Error('the page posted no result');
    return page.result;
  } finally {
    page.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

class PageServer {
  result: string | undefined;
  readonly #server = createServer((request, response) => this.#answer(request, response));
  readonly #files: PageFiles;
  #held: ServerResponse | undefined;

  constructor(files: PageFiles) {
    this.#files = files;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '' } = request;
    if (url === '/held') this.#hold(response);
    else if (url === '/result') void this.#take(request, response);
    else {
      const [contentType, content] = this.#files.get(url) ?? [undefined, ''];
      response.writeHead(contentType === undefined ? 404 : 200, {
        'content-type': contentType ?? 'text/plain',
      });
      response.end(content);
    }
  }

  #hold(response: ServerResponse): void {
    if (this.result === undefined) this.#held = response;
    else response.writeHead(404).end();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    this.result = Buffer.concat(chunks).toString();
    response.writeHead(204).end();
    this.#held?.writeHead(404).end();
  }
}

/** Chromium's sandbox refuses to run as root, as which a container's tests often run. The page is our own. */
function argumentsFor(profile: string): string[] {
  return [
    ...['--headless', '--disable-gpu', '--no-first-run', '--disable-extensions', '--disable-dev-shm-usage'],
    ...['--disable-background-networking', '--disable-sync', '--dump-dom', `--user-data-dir=${profile}`],
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
  ];
}
