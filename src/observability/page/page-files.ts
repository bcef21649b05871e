/**
 * The files of the page, read once: plain HTML, CSS and ES modules as they lie in `assets/`, each with its type and an
 * entity tag. Nothing is built, and nothing comes from elsewhere.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file as it is served. */
export interface PageFile {
  readonly type: string;
  readonly body: string;
  /** RFC 9110 §8.8.3, quotes included. */
  readonly etag: string;
}

const ASSETS = fileURLToPath(new URL('assets/', import.meta.url));
const TYPES: ReadonlyMap<string, string> = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
]);

/** By path: the page itself is `/`, what it loads is under `/page/`. Throws the system's error where they are not there. */
export function readPageFiles(directory: string = ASSETS): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  for (const name of readdirSync(directory)) {
    const type = TYPES.get(extname(name));
    if (type === undefined) continue;
    const body = readFileSync(`${directory}/${name}`, 'utf8');
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
    files.set(name === 'index.html' ? '/' : `/page/${name}`, { type, body, etag });
  }
  return files;
}

/**
 * Of the page and of all that it loads. Scripts and styles come from this port alone, nothing is evaluated, text becomes
 * markup nowhere (trusted types), and nobody frames it (docs/security-requirements.md#46).
 */
export const PAGE_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  // Kept by the browser, and asked for again each time: after an update the page is never half of another version.
  'cache-control': 'no-cache',
} as const;
