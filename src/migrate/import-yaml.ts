/** Writing an imported configuration as YAML that explains itself. */
import { escapeNonAscii } from '../json/escape-text.js';
import type { ImportNote } from './import-context.js';
import type { ImportedFederation } from './import-federation.js';
import type { ImportedFeedback } from './import-feedback.js';
import type { ImportedProcess, ImportedStore } from './import-settings.js';

/** What an environment gave. */
interface ImportedParts {
  readonly federation: ImportedFederation;
  readonly process: ImportedProcess;
  readonly feedback: ImportedFeedback;
}

/** The whole file. Every text in it is quoted as JSON, which YAML reads as it stands. */
export function renderImport(
  { federation, process, feedback }: ImportedParts,
  notes: readonly ImportNote[],
): string {
  const sections = [
    heading(notes),
    'version: 1',
    server(process),
    lines('# Operator to tenant, from VV_TG_OPERATOR_TENANT_MAP.', 'operators:', ...operators(federation)),
    lines('# From VV_TG_ALLOWED_SERVICE_IDENTITIES_JSON.', 'identities:', ...identities(federation)),
    policies(federation, feedback),
    feedbackSection(feedback),
  ];
  return `${sections.join('\n\n')}\n`;
}

function lines(...texts: readonly string[]): string {
  return texts.join('\n');
}

/** In ASCII, so that it can stand in a comment too: no character of it breaks a line. */
function text(value: string): string {
  return escapeNonAscii(JSON.stringify(value));
}

function heading(notes: readonly ImportNote[]): string {
  const told = notes.map(({ variable, message }) =>
    comment(variable === '' ? message : `${variable} ${message}`),
  );
  return lines(
    '# Made by `countersign import-env`. Check it with `countersign check-config`.',
    '# What it could not carry over:',
    ...told,
  );
}

function comment(message: string): string {
  return `# - ${escapeNonAscii(message)}`;
}

function server({ skewSeconds, retentionSeconds, nonces, perMinute }: ImportedProcess): string {
  return lines(
    '# Relative paths are taken from the directory of this file.',
    'listen: { socket: run/verifier.sock }',
    'admin: { host: 127.0.0.1, port: 9902 }',
    'audit: { file: audit/decisions.ndjson, onFailure: refuse }',
    '',
    '# VV_TG_NONCE_TTL_SECONDS becomes retentionSeconds, which is only checked: nonces are kept as long as the window asks.',
    'nonces:',
    ...store(nonces),
    `  retentionSeconds: ${retentionSeconds}`,
    '',
    '# VV_TG_ALLOWED_CLOCK_SKEW_SECONDS, both ways.',
    `freshness: { pastSkewSeconds: ${skewSeconds}, futureSkewSeconds: ${skewSeconds} }`,
    '',
    '# VV_TG_RATE_LIMIT_PER_MINUTE, per operator; graphs are counted apart. 0 is no limit.',
    `rateLimit: { perMinute: ${perMinute} }`,
  );
}

function store(nonces: ImportedStore): string[] {
  if (nonces.store !== 'redis')
    return [`  store: ${nonces.store}`, ...(nonces.store === 'lmdb' ? ['  directory: state/nonces'] : [])];
  const { address, database, username, isTls, hasPassword } = nonces.redis;
  return [
    '  # From VV_TG_REDIS_URL. The rate limit is counted in the same Redis.',
    '  store: redis',
    '  redis:',
    `    address: ${text(address)}`,
    ...(database === 0 ? [] : [`    database: ${database}`]),
    ...(username === undefined ? [] : [`    username: ${text(username)}`]),
    ...(hasPassword ? ['    # passwordFile: secrets/redis-password'] : []),
    ...(isTls ? ['    tls: {}'] : []),
  ];
}

function operators(federation: ImportedFederation): string[] {
  return [...federation.operators].map(([operator, tenant]) => `  ${text(operator)}: ${text(tenant)}`);
}

function identities(federation: ImportedFederation): string[] {
  return [...federation.identities].flatMap(([name, fingerprint]) => [
    `  - name: ${text(name)}`,
    `    certificates: [{ sha256: ${text(fingerprint)} }]`,
    '    keys:',
    ...keys(federation),
    '    # The old gateway lets every identity speak for every operator. Name its own here: operators: [...]',
  ]);
}

/** The kid in the field is `default`; where bundles have a key of their own, it needs an id of its own. */
function keys({ requestKey, bundleKey }: ImportedFederation): string[] {
  if (requestKey === bundleKey)
    return [`      - { kid: default, publicKey: ${text(requestKey)}, purposes: [request, bundle] }`];
  return [
    `      - { kid: default, publicKey: ${text(requestKey)}, purposes: [request] }`,
    `      - { kid: federation, publicKey: ${text(bundleKey)}, purposes: [bundle] }`,
  ];
}

function policies({ schemaVersions }: ImportedFederation, { isUsable }: ImportedFeedback): string {
  const allowed =
    schemaVersions === undefined ? '' : `, schemaVersions: [${schemaVersions.map(text).join(', ')}]`;
  return lines(
    '# The routes of the federation. Pages and APIs beside them need a policy with passThrough and a reason.',
    'policies:',
    `  - { name: telemetry, profile: federation.telemetry${allowed} }`,
    '  - { name: graph, profile: federation.execution-graph }',
    `  - { name: feedback, profile: federation.feedback-query${isUsable ? '' : ', answer: { signed: false }'} }`,
    '  - { name: bundle, profile: federation.verify }',
  );
}

/** As comments, where a key cannot sign yet. */
function feedbackSection({ keys, activeKid, isUsable }: ImportedFeedback): string {
  const section = [
    'feedback:',
    '  keys:',
    ...[...keys].map(([kid, path]) => `    - { kid: ${text(kid)}, privateKeyFile: ${text(path)} }`),
    ...(activeKid === undefined ? [] : [`  activeKid: ${text(activeKid)}`]),
  ];
  if (isUsable)
    return lines('# From VV_TG_FEEDBACK_ED25519_KEYS_JSON and VV_TG_FEEDBACK_ACTIVE_KID.', ...section);
  return lines(
    '# To sign the answers here: name the keys, and take `answer: { signed: false }` from the policy above.',
    ...(keys.size === 0
      ? ['feedback:', '  keys: [{ kid: default, privateKeyFile: keys/feedback.pem }]']
      : section
    ).map((line) => `# ${line}`),
  );
}
