/**
 * OPA-Envoy as a server of the benchmark, where OPA_ENVOY_BIN names its binary: with the policy that comes nearest to a
 * check of ours (opa/nearest.rego), and with the same at its best (opa/best.rego, and a garbage collector that is in no
 * hurry). It gets the same requests in the form that its users have Envoy send: headers as a map, the body as text.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { certificateFingerprints } from '../../src/crypto/certificate.js';
import { benchPolicy, SCHEMA_VERSION, type BenchProducer } from './messages.js';

/** The command; undefined: it is not measured. */
const BINARY = process.env['OPA_ENVOY_BIN'] ?? '';
const POLICIES = 'test/bench/opa';

/** By what a round calls them. */
export type OpaKind = 'opa' | 'opa_best';
export const OPA_KINDS: readonly OpaKind[] = BINARY === '' ? [] : ['opa', 'opa_best'];

/** Whether that is one of them. */
export function isOpa(kind: string): kind is OpaKind {
  return kind.startsWith('opa');
}

/** Its command, on `server.sock` in that folder. Run from the repository's root. */
export function opaCommand(kind: OpaKind, folder: string, producer: BenchProducer): string[] {
  const policy = kind === 'opa' ? 'nearest' : 'best';
  const data = join(folder, 'data.json');
  writeFileSync(data, JSON.stringify(dataOf(producer)));
  const plugin = 'plugins.envoy_ext_authz_grpc';
  return [
    // Its default is 100: the heap may grow to five times what lives instead of twice.
    ...(kind === 'opa' ? [] : ['env', 'GOGC=400']),
    BINARY,
    'run',
    '--server',
    '--log-level=error',
    '--disable-telemetry',
    `--addr=unix://${join(folder, 'api.sock')}`,
    `--set=${plugin}.addr=unix://${join(folder, 'server.sock')}`,
    `--set=${plugin}.path=countersign/${policy}/allow`,
    data,
    join(POLICIES, `${policy}.rego`),
  ];
}

function dataOf(producer: BenchProducer): object {
  const pin = certificateFingerprints(producer.certificatePem);
  if (!pin.ok) throw new Error('the benchmark certificate cannot be read');
  const { operators } = benchPolicy(producer, pin.certificateSha256);
  const identity = {
    pin: pin.certificateSha256,
    certificate: encodeURIComponent(producer.certificatePem),
    operators: [producer.operator],
  };
  return {
    bench: {
      identities: { [producer.identity]: identity },
      tenants: operators,
      schemaVersion: SCHEMA_VERSION,
    },
  };
}
