/** Imports point one way: cli → serve → adapters → pure folders. No cycles. See docs/architecture.md. */
const pure = '^src/(verify|feedback|crypto|json)/';
const adapters = '^src/(envoy|executions|grpc|nonces|keys|audit|config|observability)/';
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pure-imports-pure-only',
      severity: 'error',
      from: { path: pure },
      to: { path: '^src/', pathNot: pure },
    },
    {
      name: 'adapters-import-down-only',
      severity: 'error',
      from: { path: adapters },
      to: { path: '^src/(cli|serve|client|main)' },
    },
    {
      name: 'serve-never-imports-cli',
      severity: 'error',
      from: { path: '^src/serve/' },
      to: { path: '^src/(cli/|main)' },
    },
    {
      name: 'client-imports-pure-only',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { path: '^src/', pathNot: '^src/(client|verify|feedback|crypto|json)/' },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['^src/main\\.ts$', '\\.d\\.ts$'] },
      to: {},
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
