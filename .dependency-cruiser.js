/** Which file may import which: the design's rules, and what each is for. */
const drivers = {
  pg: 'postgres',
  ioredis: 'redis',
  'cassandra-driver': 'cassandra',
  '@elastic/elasticsearch': 'elastic',
  amqplib: 'amqp',
  kafkajs: 'kafka',
};

const tests =
  '(\\.test|\\.contract|[./]testing|/fuzz|/fuzz-edge)\\.ts$|^platform/testing/|^(test|bench|tools|conformance|engines)/';

/** What of a service may know the contracts' messages: its composition, rpc and the translation beside it, adapters and tests. */
const outside =
  '^services/[^/]+/(service|rpc|rpc-[^/.]+|[^/.]+-rpc|messages|[^/.]+-message|encode)\\.ts$|\\.[a-z]+\\.ts$';

export { config as default };

const config = {
  forbidden: [
    {
      name: 'services-are-apart',
      comment: 'Services meet through their contracts: dial the other one.',
      severity: 'error',
      from: { path: '^services/([^/]+)/' },
      to: { path: '^services/[^/]+/', pathNot: '^services/$1/' },
    },
    {
      name: 'platform-knows-no-service',
      comment: 'A service can be added or taken away without touching the platform.',
      severity: 'error',
      from: { path: '^platform/' },
      to: { path: '^(services|mesh|tools|test|bench)/' },
    },
    {
      name: 'conformance-is-for-tests',
      severity: 'error',
      from: { pathNot: tests },
      to: { path: '^conformance/' },
    },
    {
      name: 'services-stand-on-the-platform-alone',
      severity: 'error',
      from: { path: '^services/' },
      to: { path: '^(mesh|tools|test|bench|conformance)/' },
    },
    {
      name: 'domain-is-pure',
      comment: 'A domain file holds types and pure functions; rpc.ts translates from and to the contract.',
      severity: 'error',
      from: { path: '^services/', pathNot: [outside, tests, '^services/gateway/', '^services/[^/]+\\.ts$'] },
      to: { path: '^gen/' },
    },
    ...Object.entries(drivers).map(([driver, engine]) => ({
      name: `driver-of-${engine}`,
      comment: `Only files named *.${engine}.ts import ${driver}: any other code stands on a port. What measures or audits from outside may.`,
      severity: 'error',
      from: { pathNot: `\\.${engine}(\\.live)?(\\.test)?\\.ts$|^platform/testing/|^(bench|test|engines)/` },
      to: { path: `(^|/)node_modules/(@types/)?${driver}/` },
    })),
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-imports-tests',
      severity: 'error',
      from: { pathNot: tests },
      to: { path: '(\\.test|\\.contract|[./]testing)\\.ts$|^platform/testing/' },
    },
    {
      name: 'no-development-packages-in-the-shop',
      severity: 'error',
      from: { path: '^(platform|services)/', pathNot: tests },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules|^gen/' },
    exclude: { path: '^(\\.data|\\.tools|coverage|examples)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['node', 'import', 'types', 'default'] },
  },
};
