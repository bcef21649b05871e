import tseslint from 'typescript-eslint';

/** What a pure folder may not reach: the outside world, and any clock or chance that was not passed in. */
const impureGlobals = ['process', 'setTimeout', 'setInterval', 'setImmediate', 'performance', 'fetch'];
const impureProperties = [
  { object: 'Date', property: 'now', message: 'Pass a clock in.' },
  { object: 'Math', property: 'random', message: 'Pass the randomness in.' },
];

export default tseslint.config(
  {
    ignores: ['dist', 'node_modules', '.cache', 'local_federation', 'bench-results', '**/*.cjs', 'coverage'],
  },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js', 'scripts/*.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      eqeqeq: 'error',
      'no-restricted-properties': [
        'error',
        { object: 'Number', property: 'parseInt', message: 'Match the whole text first.' },
      ],
      'no-restricted-globals': [
        'error',
        { name: 'parseInt', message: 'Match the whole text first, then Number().' },
      ],
      '@typescript-eslint/prefer-nullish-coalescing': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/explicit-module-boundary-types': 'error',
    },
  },
  {
    files: ['src/verify/**', 'src/feedback/**', 'src/crypto/**', 'src/json/**', 'src/protocol/**'],
    rules: {
      'no-restricted-globals': [
        'error',
        ...impureGlobals.map((name) => ({ name, message: 'This folder is pure.' })),
      ],
      'no-restricted-properties': ['error', ...impureProperties],
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            'node:fs',
            'node:fs/*',
            'node:net',
            'node:http*',
            'node:child_process',
            '@grpc/*',
            'ioredis',
            'lmdb',
            'pino',
          ],
        },
      ],
    },
  },
  {
    files: ['test/**'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
    },
  },
  { files: ['**/*.js', '**/*.mjs'], ...tseslint.configs.disableTypeChecked },
  {
    // Its types are in JSDoc, where `npm run typecheck` looks.
    files: ['src/observability/page/assets/*.js'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
);
