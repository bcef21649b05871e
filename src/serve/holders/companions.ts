/** What runs beside the sequencer of a log: its mirror, its witnesses and its collector, where they are configured. */
import type { CompanionSpec } from '../../audit/log/companion.js';
import type { AuditLogSettings, AuditOtlpSettings } from '../../config/settings.js';

/** Their modules are loaded by the sequencer's thread. */
export function companionsOf(
  { mirror, witnesses }: AuditLogSettings,
  otlp?: AuditOtlpSettings,
): readonly CompanionSpec[] {
  const spec = (name: string, file: string, options: unknown): CompanionSpec[] =>
    options === undefined ? [] : [{ name, module: new URL(file, import.meta.url).href, options }];
  return [
    ...spec('mirror', './mirror-companion.js', mirror),
    ...spec('witnesses', './witness-companion.js', witnesses),
    ...spec('otlp', './otlp-companion.js', otlp),
  ];
}
