import { readdirSync, readFileSync } from 'node:fs';
import { build } from 'esbuild';
import { repositoryRoot } from '../../../../tools/local-federation/layout.js';

const bundled = await build({
  absWorkingDir: repositoryRoot(),
  entryPoints: ['src/client/browser.ts'],
  bundle: true,
  platform: 'browser',
  format: 'esm',
  target: 'es2022',
  minify: true,
  write: false,
  metafile: true,
  logLevel: 'silent',
});
const text = bundled.outputFiles[0]?.text ?? '';

describe('the browser bundle', () => {
  it('is made without a warning', () => {
    expect(bundled.warnings).toEqual([]);
  });

  it('consists of our own portable modules, tweetnacl and the SHA-256 of @noble/hashes', () => {
    const foreign = Object.keys(bundled.metafile.inputs).filter(
      (input) => !/^src\/(?:client|crypto|feedback|json|protocol|verify)\//.test(input),
    );
    // tweetnacl's own package file says that a browser has no module `crypto`.
    expect(foreign.sort()).toEqual([
      '(disabled):crypto',
      'node_modules/@noble/hashes/_md.js',
      'node_modules/@noble/hashes/_u64.js',
      'node_modules/@noble/hashes/sha2.js',
      'node_modules/@noble/hashes/utils.js',
      'node_modules/tweetnacl/nacl-fast.js',
    ]);
  });

  it('imports nothing at run time', () => {
    const outputs = Object.values(bundled.metafile.outputs);
    expect(outputs.flatMap(({ imports }) => imports)).toEqual([]);
    // A boolean, as a failure would print the whole bundle.
    expect(/["'`]node:/.test(text)).toBe(false);
  });

  it('names no global of Node', () => {
    const own = Object.keys(bundled.metafile.inputs).filter((input) => input.startsWith('src/'));
    const code = own
      .map((input) => readFileSync(`${repositoryRoot()}/${input}`, 'utf8'))
      .join('\n')
      .replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    expect(code).not.toMatch(/\b(?:Buffer|process|require|setImmediate|__dirname)\b/);
  });

  it('holds every module of the folder', () => {
    const modules = readdirSync(`${repositoryRoot()}/src/client/feedback`);
    const inputs = Object.keys(bundled.metafile.inputs);
    const missing = modules.filter((name) => !inputs.includes(`src/client/feedback/${name}`));
    expect(missing).toEqual([]);
  });
});
