/**
 * Imports point one way. Each folder of `src/` lists the folders that it may import from besides itself; what is not
 * listed is an error, and so is a folder without a line. See docs/architecture.md.
 */
const PURE = ['verify', 'feedback', 'crypto', 'json', 'protocol'];
const MAY_IMPORT = {
  json: [],
  crypto: ['json'],
  protocol: ['crypto', 'json'],
  tlog: ['crypto', 'json'],
  feedback: ['crypto', 'json', 'protocol'],
  verify: ['crypto', 'feedback', 'json', 'protocol'],
  storage: ['crypto', 'json'],
  'rate-limits': ['storage', ...PURE],
  nonces: ['rate-limits', 'storage', ...PURE],
  executions: ['storage', ...PURE],
  audit: ['storage', 'tlog', ...PURE],
  keys: ['storage', ...PURE],
  config: ['keys', 'storage', 'tlog', ...PURE],
  migrate: ['config', ...PURE],
  why: ['audit', 'config', ...PURE],
  grpc: [],
  observability: ['audit', 'config', 'grpc', 'keys', 'nonces', 'storage', 'why', ...PURE],
  envoy: ['audit', 'executions', 'grpc', 'observability', ...PURE],
  'envoy-config': ['config', 'envoy', 'grpc', ...PURE],
  doctor: ['config', 'envoy', 'observability', ...PURE],
  pki: [],
  client: ['crypto', 'feedback', 'json', 'protocol'],
  serve: [
    'audit',
    'config',
    'envoy',
    'executions',
    'grpc',
    'keys',
    'nonces',
    'observability',
    'rate-limits',
    'storage',
    'tlog',
    'why',
    ...PURE,
  ],
  cli: [
    'audit',
    'client',
    'config',
    'doctor',
    'envoy',
    'envoy-config',
    'keys',
    'migrate',
    'observability',
    'pki',
    'serve',
    'tlog',
    'why',
    ...PURE,
  ],
};

const folders = Object.entries(MAY_IMPORT).map(([folder, others]) => ({
  name: `what-${folder}-may-import`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: '^src/', pathNot: `^src/(${[folder, ...others].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...folders,
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every-folder-has-a-line',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: `^src/(${Object.keys(MAY_IMPORT).join('|')})/` },
      to: {},
    },
    {
      name: 'the-product-needs-neither-tools-nor-tests',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(tools|examples|test)/' },
    },
    {
      name: 'tools-and-examples-need-no-tests',
      severity: 'error',
      from: { path: '^(tools|examples)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: {
        orphan: true,
        path: '^src/',
        pathNot: ['^src/main\\.ts$', '\\.d\\.ts$', '/page/assets/theme\\.js$'],
      },
      to: {},
    },
    {
      name: 'tracing-is-loaded-where-it-is-configured',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/observability/tracing/spans\\.ts$' },
      to: {
        path: ['^src/observability/tracing/spans\\.ts$', '@opentelemetry/'],
        dynamic: false,
        dependencyTypesNot: ['type-only', 'type-import'],
      },
    },
    {
      name: 'no-dev-dependencies-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-dev'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { extensions: ['.ts', '.js'] },
  },
};
