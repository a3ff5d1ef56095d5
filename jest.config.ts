import { availableParallelism } from 'node:os';
import type { Config } from 'jest';

const config: Config = {
  // Not the whole folder: looking through node_modules and .data takes longer than many tests.
  roots: ['conformance', 'engines', 'envoy', 'mesh', 'platform', 'services', 'test', 'tools'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['\\.live\\.test\\.ts$'], // these ask real engines: npm run check:engines
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': ['@swc/jest', { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' } }],
  },
  globalSetup: './platform/testing/global-setup.ts',
  globalTeardown: './platform/testing/global-teardown.ts',
  // The parent only waits, and so do tests for PostgreSQL: with a worker a core, two cores took a quarter longer. (A percentage above 100
  // would be a number of workers.)
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
  testTimeout: 30_000, // a busy machine is no reason to fail
  watchman: false,
};

export { config as default };
