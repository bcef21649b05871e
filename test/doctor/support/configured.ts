/** A good configuration, loaded, to hold an Envoy against. */
import { resolve } from 'node:path';
import { loadConfiguration } from '../../../src/config/load.js';
import type { Configuration } from '../../../src/config/settings.js';

const FILE = 'test/unit/config/fixtures/good/minimal.yaml';

/** With one policy, `telemetry`. */
export function loadMinimal(): Configuration {
  const loaded = loadConfiguration(resolve(FILE), { generation: 1, nowMs: Date.now() });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.configuration;
}
