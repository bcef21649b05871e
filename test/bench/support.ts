/** What several parts of the benchmark need: an option, the middle of some figures, and a certificate to show. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A whole number from the environment. */
export function option(name: string, fallback: number): number {
  const text = process.env[name];
  return text !== undefined && /^[1-9][0-9]{0,7}$/.test(text) ? Number(text) : fallback;
}

/** NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/** A throw-away certificate for the check requests, of the size that producers have. PEM. */
export function throwAwayCertificate(): string {
  const folder = mkdtempSync(join(tmpdir(), 'csb-'));
  try {
    const out = join(folder, 'certificate.pem');
    const key = join(folder, 'key.pem');
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync(
      'openssl',
      ['req', '-x509', ...curve, '-keyout', key, '-out', out, '-subj', '/CN=bench-producer', '-days', '2'],
      {
        stdio: 'ignore',
      },
    );
    return readFileSync(out, 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
