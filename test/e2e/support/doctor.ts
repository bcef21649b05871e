/** What `countersign doctor` says of the Envoy of a stage, by the compiled command line. */
import { spawnSync } from 'node:child_process';
import type { Stage } from './stage.js';

/** The rules of its errors and warnings, in the order in which it tells of them. */
export function rulesTold({ federation }: Stage): string[] {
  const url = federation.environment.COUNTERSIGN_ENVOY_ADMIN_URL;
  const command = ['dist/src/main.js', 'doctor', '--json', '--envoy-admin', url];
  const { stdout } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  const { findings } = JSON.parse(stdout) as { findings: { severity: string; rule: string }[] };
  return findings.filter(({ severity }) => severity !== 'note').map(({ rule }) => rule);
}
