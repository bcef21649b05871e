/** The section `tracing`: where spans of checks and answers go, and how many there are. */
import { z } from 'zod';
import { otlpSchema } from './audit-holders.js';
import { filePath, integer, textLike } from './schema-common.js';

const { caFile, timeoutMilliseconds } = otlpSchema.shape;
const name = textLike(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters');

export const tracingSchema = z
  .strictObject({
    endpoint: z
      .string()
      .max(300)
      .describe(
        'The collector: `https://host:4318`; `/v1/traces` is appended where it has no path. `http://` on loopback alone.',
      ),
    headersFile: filePath
      .optional()
      .describe(
        'Headers for every request, one `Name: value` a line, such as a token; closed to other users (mode 0600 or 0640). Read anew for each request.',
      ),
    caFile,
    timeoutMilliseconds,
    serviceName: name.default('countersign').describe('`service.name` of the spans.'),
    instance: name
      .optional()
      .describe(
        "`service.instance.id` of the spans; with workers `/0`, `/1`, … is appended. Default: the host's name.",
      ),
    sampleRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0.01)
      .describe(
        'The share of checks, 0 to 1, that are traced where they belong to no trace, or where the sampled flag is that of somebody who has proven no key.',
      ),
    maxTracesPerSecond: integer(1, 10_000)
      .default(100)
      .describe('Traces a second at most, in each worker, whoever asks for them.'),
    maxQueuedSpans: integer(100, 100_000)
      .default(8_192)
      .describe(
        'Spans that wait for the collector at most, in each worker; further ones are lost and counted.',
      ),
  })
  .describe(
    'Spans of checks, claims and signing for a collector of OpenTelemetry. Default: absent, and nothing of it is loaded.',
  );

/** The section after its defaults. */
export type TracingInput = z.output<typeof tracingSchema>;
