/**
 * A page in a headless Chromium that a test drives, over the DevTools protocol on a pipe: looked at, typed into, and
 * pictured. Whatever the page complains of (an exception, a violation of its policy) is kept.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { until } from '../../support/until.js';
import { findChromium } from './browser.js';

/** How a page is looked at. */
export interface Look {
  readonly width: number;
  readonly height: number;
  readonly colours?: 'light' | 'dark';
  readonly reducedMotion?: boolean;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

export class DrivenPage {
  /** Exceptions, errors on the console, violations of the policy. */
  readonly complaints: string[] = [];
  readonly #browser: ChildProcess;
  readonly #profile: string;
  readonly #waiting = new Map<number, (message: Message) => void>();
  #session = '';
  #asked = 0;

  private constructor(chromium: string) {
    this.#profile = mkdtempSync(join(tmpdir(), 'chromium-'));
    this.#browser = spawn(chromium, argumentsFor(this.#profile), {
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    let rest = '';
    (this.#browser.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => {
      const parts = (rest + text).split('\0');
      rest = parts.pop() ?? '';
      for (const part of parts) this.#take(JSON.parse(part) as Message);
    });
  }

  /** A browser with one empty page. */
  static async open(): Promise<DrivenPage> {
    const page = new DrivenPage(findChromium());
    const { targetId } = await page.#ask('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await page.#ask('Target.attachToTarget', { targetId, flatten: true });
    page.#session = String(sessionId);
    for (const domain of ['Page', 'Runtime', 'Log']) await page.#ask(`${domain}.enable`);
    return page;
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#browser.once('exit', resolve));
    this.#session = '';
    // Its processes end with it; after a signal they would go on writing to the profile.
    void this.#ask('Browser.close').catch(() => undefined);
    await ended;
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  async go(url: string): Promise<void> {
    await this.#ask('Page.navigate', { url });
    await this.until('the page is there', 'document.readyState === "complete"');
  }

  async look({ width, height, colours = 'light', reducedMotion = false }: Look): Promise<void> {
    const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 500 };
    await this.#ask('Emulation.setDeviceMetricsOverride', metrics);
    const features = [
      { name: 'prefers-color-scheme', value: colours },
      { name: 'prefers-reduced-motion', value: reducedMotion ? 'reduce' : 'no-preference' },
    ];
    await this.#ask('Emulation.setEmulatedMedia', { features });
  }

  /** The value of an expression in the page; promises are waited for. */
  async value<T>(expression: string): Promise<T> {
    const answer = await this.#ask('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    });
    if (answer['exceptionDetails'] !== undefined)
      throw new Error(`${expression}: ${JSON.stringify(answer['exceptionDetails'])}`);
    return (answer['result'] as { readonly value: T }).value;
  }

  /** Waits until an expression in the page is true. */
  async until(what: string, expression: string): Promise<void> {
    await until(what, () => this.value<boolean>(`Boolean(${expression})`).catch(() => false));
  }

  /** One key, as `Tab` or `Enter`. */
  async press(key: string): Promise<void> {
    const known: Readonly<Record<string, object>> = {
      Tab: { windowsVirtualKeyCode: 9 },
      Enter: { windowsVirtualKeyCode: 13, text: '\r' },
    };
    for (const type of ['keyDown', 'keyUp'])
      await this.#ask('Input.dispatchKeyEvent', { type, key, code: key, ...known[key] });
  }

  async type(text: string): Promise<void> {
    await this.#ask('Input.insertText', { text });
  }

  /** A picture of what is seen, as WebP. */
  async picture(): Promise<Buffer> {
    const { data } = await this.#ask('Page.captureScreenshot', { format: 'webp', quality: 85 });
    return Buffer.from(String(data), 'base64');
  }

  /** Roles and names as a screen reader is told them. */
  async accessible(): Promise<readonly { readonly role: string; readonly name: string }[]> {
    const { nodes } = await this.#ask('Accessibility.getFullAXTree');
    return (nodes as { ignored: boolean; role?: { value: string }; name?: { value: string } }[])
      .filter(({ ignored }) => !ignored)
      .map(({ role, name }) => ({ role: role?.value ?? '', name: name?.value ?? '' }));
  }

  #ask(method: string, params: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const id = ++this.#asked;
    const session = this.#session === '' ? {} : { sessionId: this.#session };
    const message = JSON.stringify({ id, method, params, ...session });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) =>
        error === undefined ? resolve(result ?? {}) : reject(new Error(`${method}: ${error.message}`)),
      );
      (this.#browser.stdio[3] as Writable).write(`${message}\0`);
    });
  }

  #take({ id, method, params = {}, ...rest }: Message): void {
    if (id !== undefined) {
      this.#waiting.get(id)?.({ id, ...rest });
      this.#waiting.delete(id);
      return;
    }
    const isError = (params['entry'] as { readonly level?: string } | undefined)?.level === 'error';
    if (method === 'Runtime.exceptionThrown' || (method === 'Log.entryAdded' && isError))
      this.complaints.push(JSON.stringify(params));
  }
}

function argumentsFor(profile: string): string[] {
  return [
    ...['--headless', '--disable-gpu', '--no-first-run', '--disable-extensions', '--disable-dev-shm-usage'],
    ...['--disable-background-networking', '--disable-sync', '--hide-scrollbars', '--remote-debugging-pipe'],
    `--user-data-dir=${profile}`,
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    'about:blank',
  ];
}
