import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const barrel = 'No barrels: import from the file that has it.';
const defaultExport = 'Named exports only: a name that greps.';

const everywhere = [
  { selector: 'ExportDefaultDeclaration', message: defaultExport },
  { selector: 'ExportAllDeclaration', message: barrel },
  { selector: 'ExportNamedDeclaration[source]', message: barrel },
];

const namedExports = { selector: 'ExportSpecifier[exported.name="default"]', message: defaultExport };

const clock = 'Take the time from env.now(): only the platform and entry points read the clock.';
const chance = 'Take ids from env.newId(): only the platform and entry points read random numbers.';
const environment = 'Take configuration from env.config: only the platform and entry points read the environment.';

const sleeping = [{ name: 'node:timers/promises', message: 'Nothing in a service sleeps.' }];

/** What makes clients that hold more than was granted, and that `npm run mesh -- check` doesn't see. */
const dialing = [
  ['@connectrpc/connect', 'createClient', 'createCallbackClient'],
  ['@connectrpc/connect-node', 'createConnectTransport', 'createGrpcTransport', 'createGrpcWebTransport'],
  ['#platform/rpc/transport.ts', 'createRpcTransport'],
  ['@grpc/grpc-js', 'Client', 'makeClientConstructor', 'makeGenericClientConstructor', 'loadPackageDefinition'],
].map(([name = '', ...importNames]) => {
  return { name, importNames, message: 'Call others through env.dial: it has what the contracts grant, and no more.' };
});

const pureOnly = [
  { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: clock },
  { selector: 'ImportSpecifier[imported.name="setTimeout"]', message: 'Nothing in a service sleeps.' },
];

/** What may read the clock, random numbers and the environment: the platform, entry points and tests. */
const impure = [
  'platform/**',
  'services/main.ts',
  'tools/**',
  'envoy/**',
  'engines/**',
  'bench/**',
  'conformance/**',
  'test/**',
  '*.config.ts',
  '**/*.test.ts',
  '**/*.contract.ts',
  '**/testing.ts',
  '**/*.testing.ts',
];

export { config as default };

const config = defineConfig(
  { ignores: ['gen/**', 'conformance/gen/**', '.data/**', '.tools/**', 'coverage/**', '**/*.js'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  tseslint.configs.strictTypeChecked,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-restricted-syntax': ['error', ...everywhere, namedExports],
      'no-console': 'error',
      eqeqeq: 'error',
      '@typescript-eslint/consistent-type-definitions': ['error', 'type'],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // A caught unknown is thrown on as it is.
      '@typescript-eslint/only-throw-error': 'off',
      'no-throw-literal': 'error',
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingUnknown: true, allowThrowingAny: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Async by contract: ports and handlers answer promises even where an adapter needn't wait.
      '@typescript-eslint/require-await': 'off',
      // Objects here have no `this`: methods are closures, written short.
      '@typescript-eslint/unbound-method': 'off',
      // gRPC, Connect and PostgreSQL number the same codes, each in an enum of its own.
      '@typescript-eslint/no-unsafe-enum-comparison': 'off',
      '@typescript-eslint/no-unsafe-enum-assignment': 'off',
      // Spreading a string into code points is meant.
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Blind to what a closure or a signal changes meanwhile.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-useless-default-assignment': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
    },
  },
  {
    files: ['**/*.ts'],
    ignores: impure,
    rules: {
      'no-restricted-syntax': ['error', ...everywhere, namedExports, ...pureOnly],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: clock },
        { object: 'Math', property: 'random', message: chance },
        { object: 'process', property: 'env', message: environment },
      ],
      'no-restricted-imports': ['error', { paths: [...sleeping, ...dialing] }],
    },
  },
  {
    files: ['services/main.ts', 'tools/**'],
    ignores: ['**/*.test.ts'],
    rules: { 'no-restricted-imports': ['error', { paths: dialing }] },
  },
  {
    // Tests read answers as they come; what is wrong with one fails the test.
    files: ['**/*.test.ts', '**/*.contract.ts', 'test/**'],
    rules: {
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    // Their readers ask for a default export.
    files: ['*.config.ts', 'platform/testing/global-*.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: [
      'tools/**',
      'services/main.ts',
      'bench/**',
      'conformance/**',
      'envoy/**',
      'engines/main.ts',
      'test/engines/main.ts',
      'test/engines/outages.ts',
      'test/faults/*.ts',
      'test/kills/main.ts',
      'test/rabbitmq/main.ts',
      'test/versions/main.ts',
      'test/planes/main.ts',
    ],
    rules: { 'no-console': 'off' },
  },
);
