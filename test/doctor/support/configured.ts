/** A good configuration, loaded, to hold an Envoy against. */
import { resolve } from 'node:path';
import type { SigningDomain } from '../../../src/feedback/feedback-settings.js';
import type { VaultSettings } from '../../../src/keys/settings.js';
import { remoteKey } from '../../support/fake-key-source.js';
import { loadConfiguration } from '../../../src/config/load.js';
import type { Configuration } from '../../../src/config/settings.js';

const FILE = 'test/unit/config/fixtures/good/minimal.yaml';

/** With one policy, `telemetry`. */
export function loadMinimal(): Configuration {
  const loaded = loadConfiguration(resolve(FILE), { generation: 1, nowMs: Date.now() });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}

/** The settings of a vault. */
export function vaultSource(name: string, timeoutMilliseconds: number): VaultSettings {
  return {
    kind: 'vault',
    name,
    maxMessageBytes: 786_432,
    timeoutMilliseconds,
    url: 'https://vault.example:8200',
    authority: undefined,
    mount: 'transit',
    namespace: undefined,
    auth: { kind: 'token', tokenPath: '/nowhere' },
  };
}

/** The same, whose answers are signed by these domains, the first that of all tenants without one, and by these sources. */
export function loadSigning(
  [first, ...others]: readonly SigningDomain[],
  sources: readonly VaultSettings[],
): Configuration {
  const loaded = loadMinimal();
  const feedback = {
    defaultDomain: first ?? { keys: [], activeKid: undefined },
    tenantDomains: new Map(others.map((domain, at) => [`tenant-${at}`, domain])),
    adjustmentSchemaVersions: new Set<string>(),
    maxAnswerBytes: 1,
    executions: { required: false, maxPerTenant: 1, retentionSeconds: 1 },
  };
  return {
    ...loaded,
    settings: { ...loaded.settings, keys: { sources } },
    snapshot: { ...loaded.snapshot, feedback },
  };
}

/** With one key, of a source that may take so long. */
export function loadWithSource(timeoutMilliseconds: number): Configuration {
  const domain = { keys: [remoteKey('fb', 'fb', { source: 'transit' })], activeKid: undefined };
  return loadSigning([domain], [vaultSource('transit', timeoutMilliseconds)]);
}
