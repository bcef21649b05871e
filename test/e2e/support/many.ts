/** Parts of configurations that are as large as they come. */
import { createHash, generateKeyPairSync } from 'node:crypto';

/** So many operators, each of a tenant of its own: a UUID, or one without its dashes, which is a problem. */
export function manyOperators(count: number, dashes: '-' | ''): Record<string, string> {
  const entries = Array.from({ length: count }, (_, at) => {
    const hex = createHash('sha256').update(`tenant ${at}`).digest('hex');
    const parts = [
      hex.slice(0, 8),
      hex.slice(8, 12),
      hex.slice(12, 16),
      hex.slice(16, 20),
      hex.slice(20, 32),
    ];
    return [`operator-${at}`, parts.join(dashes)] as const;
  });
  return Object.fromEntries(entries);
}

/** So many identities, each with a key, a pin and an operator of its own; see {@link manyOperators}. */
export function manyIdentities(count: number): {
  name: string;
  certificates: { sha256: string }[];
  keys: { kid: string; publicKey: string }[];
  operators: string[];
}[] {
  return Array.from({ length: count }, (_, at) => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const der = publicKey.export({ format: 'der', type: 'spki' });
    return {
      name: `spiffe://example.org/service-${at}`,
      certificates: [{ sha256: createHash('sha256').update(`certificate ${at}`).digest('hex') }],
      keys: [{ kid: `key-${at}`, publicKey: der.subarray(-32).toString('base64') }],
      operators: [`operator-${at}`],
    };
  });
}
