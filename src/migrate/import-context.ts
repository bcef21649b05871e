/** What one import of an environment has read, and what it has to say about it. */
import { quoteText } from '../json/escape-text.js';
import { canonicalize } from '../feedback/canonical-json.js';
import type { EnvironmentDoubt, EnvironmentVariable } from './env-file.js';
import type { ConfigurationProblem } from '../config/settings.js';

/** Something that the result does not say, or says otherwise than the environment did. */
export interface ImportNote {
  /** The variable; empty for what concerns the whole. */
  readonly variable: string;
  /** 1-based, when there is one. */
  readonly line?: number;
  readonly message: string;
}

/** The variables by name, with the notes and problems that reading them gave. Values never enter a message. */
export class ImportContext {
  readonly notes: ImportNote[] = [];
  readonly problems: ConfigurationProblem[] = [];
  readonly #file: string;
  readonly #doubted = new Set<string>();
  readonly #variables: ReadonlyMap<string, EnvironmentVariable>;

  constructor(file: string, variables: ReadonlyMap<string, EnvironmentVariable>) {
    this.#file = file;
    this.#variables = variables;
  }

  /** The value; undefined when the variable is absent or blank. */
  value(name: CarriedName): string | undefined {
    const value = this.#variables.get(name)?.value;
    return value === '' ? undefined : value;
  }

  /** Whether the variable is there at all. */
  has(name: CarriedName): boolean {
    return this.#variables.has(name);
  }

  note(variable: string, message: string): void {
    const line = this.#variables.get(variable)?.line;
    this.notes.push({ variable, ...(line === undefined ? {} : { line }), message });
  }

  /** A problem of one line. What else is wrong with the variable is most likely the same, so it is not told. */
  doubt(variable: string, line: number, { message, remedy }: EnvironmentDoubt): void {
    this.problems.push({ file: this.#file, path: variable, line, message, remedy });
    if (variable !== '') this.#doubted.add(variable);
  }

  problem(variable: string, message: string, remedy: string): void {
    if (this.#doubted.has(variable)) return;
    const line = this.#variables.get(variable)?.line;
    const place = { file: this.#file, path: variable, ...(line === undefined ? {} : { line }) };
    this.problems.push({ ...place, message, remedy });
  }

  /** A whole number between bounds; the fallback, when absent or unusable (which is a problem). */
  integer(name: CarriedName, [min, max]: readonly [min: number, max: number], fallback: number): number {
    const text = this.value(name);
    if (text === undefined) return fallback;
    const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const remedy = `set it to a whole number from ${min} to ${max}`;
    this.problem(name, 'is out of range or no whole number', remedy);
    return fallback;
  }

  /**
   * Whether a switch is on. The gateway takes `1|true|yes|on`, in any case, for on and everything else for off; only
   * what is known to mean off is believed to, and blank, which is off there. Anything else is a problem.
   */
  isOn(name: CarriedName, fallback: boolean): boolean {
    if (!this.has(name) || this.#doubted.has(name)) return fallback;
    const value = this.value(name) ?? '';
    if (/^(?:1|true|yes|on)$/i.test(value)) return true;
    if (/^(?:0|false|no|off)?$/i.test(value)) return false;
    this.problem(name, 'is neither a known yes nor a known no', 'set it to 1 or 0');
    return fallback;
  }

  /** A JSON object of texts; undefined with a problem when it is not, or names a member twice. */
  textMap(name: CarriedName, what: string): ReadonlyMap<string, string> | undefined {
    const text = this.value(name);
    if (text === undefined) return undefined;
    const entries = parseTextMap(text);
    if (typeof entries !== 'string') return entries;
    this.problem(name, entries, `write it as one line of JSON, ${what}`);
    return undefined;
  }
}

function parseTextMap(text: string): ReadonlyMap<string, string> | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is not a JSON object';
  // JSON.parse keeps the last of two equal members without a word.
  const judged = canonicalize(Buffer.from(text));
  if (!judged.ok) return judged.fault === 'duplicate_member' ? 'names a member twice' : 'is not plain JSON';
  const entries = new Map<string, string>();
  for (const [key, member] of Object.entries(value)) {
    if (typeof member !== 'string') return `has something else than text under ${quoteText(key)}`;
    entries.set(key, member);
  }
  return entries;
}

/** Variables that become something in our file; `import-env.ts` reads them. */
export const carriedNames = [
  'VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON',
  'VV_TG_OPERATOR_TENANT_MAP',
  'VV_TG_SPECTRASTRIKE_ED25519_PUBKEY',
  'VV_FEDERATION_SPECTRASTRIKE_ED25519_PUBKEY',
  'VV_TG_ALLOWED_CLOCK_SKEW_SECONDS',
  'VV_TG_NONCE_TTL_SECONDS',
  'VV_TG_NONCE_BACKEND',
  'VV_TG_RATE_LIMIT_BACKEND',
  'VV_TG_REDIS_URL',
  'VV_TG_RATE_LIMIT_PER_MINUTE',
  'VV_TG_ALLOWED_SCHEMA_VERSION',
  'VV_TG_ALLOWED_SCHEMA_VERSIONS',
  'VV_TG_ENFORCE_SCHEMA_VERSION',
  'VV_TG_REQUIRE_MTLS',
  'VV_TG_REQUIRE_PAYLOAD_SIGNATURE',
  'VV_TG_FEEDBACK_ED25519_KEYS_JSON',
  'VV_TG_FEEDBACK_ACTIVE_KID',
] as const;

/** A variable that we read. */
export type CarriedName = (typeof carriedNames)[number];

const upstreamNames = new Set([
  'VV_TG_QUEUE_BACKEND',
  'VV_TG_NATS_URL',
  'VV_TG_QUEUE_SUBJECT',
  'VV_TG_DLQ_SUBJECT',
  'VV_TG_FAIL_ON_PERSISTENCE_ERROR',
]);
const upstreamPrefixes = ['VV_TAMPER_LOG_', 'VV_SERVICE_IDENTITY_', 'VV_DB_'];

/** How a variable concerns us: read, the upstream's own, of the gateway but unknown, or nobody's here. */
export function kindOfVariable(name: string): 'carried' | 'upstream' | 'unknown' | 'unrelated' {
  if ((carriedNames as readonly string[]).includes(name)) return 'carried';
  if (upstreamNames.has(name) || upstreamPrefixes.some((prefix) => name.startsWith(prefix)))
    return 'upstream';
  return name.startsWith('VV_') ? 'unknown' : 'unrelated';
}
