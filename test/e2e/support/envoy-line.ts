/** The two Envoy lines on which everything has to hold: what one does, a later or an earlier one may do otherwise. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../../../tools/local-federation/layout.js';

/** `current` is the one that this project runs. */
export type EnvoyLine = 'current' | '1.36';

/** For the federation's `envoyBinary`; may fetch the binary, which takes its time. */
export function envoyOfLine(line: EnvoyLine): string | undefined {
  if (line === 'current') return undefined;
  const script = join(repositoryRoot(), 'scripts', 'envoy.sh');
  const output = execFileSync(script, ['--version-line', line], { encoding: 'utf8' });
  return output.trimEnd().split('\n').at(-1);
}
