/** A producer in the network of a pod: our own client, with the site's files. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PATHS, telemetryBody } from '../../../tools/local-federation/bodies.js';
import { PRODUCER_A } from '../../../tools/local-federation/parties.js';
import type { Ended } from '../../container/support/cell.js';
import type { Pod } from './pod.js';
import type { Site } from './site.js';

/** Sends one signed telemetry event through the pod's Envoy, in the family of the pod's address; exit code 0 is a 2xx, 1 a refusal. */
export function sendTelemetry(
  pod: Pod,
  { certificates, keys }: Site,
  place: string,
  more: readonly string[],
): Ended {
  const body = join(place, 'body.json');
  writeFileSync(body, JSON.stringify(telemetryBody(PRODUCER_A, { timestamp: 0, nonce: 'filled' })));
  const host = pod.address.includes(':') ? '[::1]' : 'localhost';
  return pod.runBeside([
    ...[process.execPath, resolve('dist/src/main.js'), 'send', `https://${host}:8443${PATHS.telemetry}`],
    ...['--ca', certificates.authorityFile, '--cert', certificates.producerA.certificateFile],
    ...['--key', certificates.producerA.keyFile, '--signing-key', keys.producerA.file],
    ...['--identity', PRODUCER_A.identity, '--kid', '2026', '--body', body, '--fill', ...more],
  ]);
}

/** Options that make two requests use one nonce and one timestamp. */
export function nonceOption(): string[] {
  const timestampSeconds = Math.floor(Date.now() / 1000);
  return ['--nonce', `pod-${process.hrtime.bigint()}`, '--timestamp', String(timestampSeconds)];
}

/** Asks again and again, for a minute. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`it did not become so: ${String(condition)}`);
    await new Promise((done) => setTimeout(done, 250));
  }
}
