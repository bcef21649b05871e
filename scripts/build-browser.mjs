// Makes one file of the client for browsers. Usage: node scripts/build-browser.mjs [FILE]
// (default dist/browser/countersign-client.js). A Node built-in anywhere in it ends the build.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

await build({
  absWorkingDir: root,
  entryPoints: ['src/client/browser.ts'],
  outfile: process.argv[2] ?? 'dist/browser/countersign-client.js',
  bundle: true,
  platform: 'browser',
  format: 'esm',
  target: 'es2022',
  minifySyntax: true,
  sourcemap: true,
  legalComments: 'inline',
  logLevel: 'warning',
});
