/** The collector of spans: where it is, and whether the file of headers can be used. */
import type { TracingInput } from '../schema/tracing.js';
import type { TracingSettings } from '../settings.js';
import { compileCollector } from './audit-otlp.js';
import type { ConfigurationNode } from './context.js';

/** Where a collector takes spans (OTLP/HTTP, "OTLP/HTTP Request"). */
const TRACES_PATH = '/v1/traces';

/** Compiles `tracing`; undefined when it cannot be used, which is noted. */
export function compileTracing(
  { endpoint, headersFile, caFile, ...others }: TracingInput,
  node: ConfigurationNode,
): TracingSettings | undefined {
  const collector = compileCollector({ endpoint, headersFile, caFile }, TRACES_PATH, node);
  return collector && { ...others, instance: others.instance, ...collector };
}
