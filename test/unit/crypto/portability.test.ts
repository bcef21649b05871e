import { readFileSync } from 'node:fs';

const folder = new URL('../../../src/crypto/', import.meta.url);

/** Every module that one module pulls in, itself included; type imports vanish and do not count. */
function importsOf(file: string, seen = new Map<string, string>()): Map<string, string> {
  const source = readFileSync(new URL(file, folder), 'utf8');
  seen.set(file, source);
  for (const [, specifier = ''] of source.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gms)) {
    const next = specifier.startsWith('.')
      ? specifier.replace(/^\.\//, '').replace(/\.js$/, '.ts')
      : specifier;
    if (seen.has(next)) continue;
    if (specifier.startsWith('.')) importsOf(next, seen);
    else seen.set(next, '');
  }
  return seen;
}

describe.each(['portable.ts', 'bytes.ts', 'der.ts', 'key-text.ts', 'pem.ts', 'ed25519.ts'])('%s', (file) => {
  const modules = importsOf(file);

  it('needs nothing but tweetnacl, so that it runs in a browser', () => {
    const foreign = [...modules.keys()].filter((name) => !name.endsWith('.ts'));
    expect(foreign.filter((name) => name !== 'tweetnacl')).toEqual([]);
  });

  it('uses no Buffer and no process', () => {
    const code = [...modules.values()].join('\n').replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
    expect(code).not.toMatch(/\b(?:Buffer|process|require)\b/);
  });
});
