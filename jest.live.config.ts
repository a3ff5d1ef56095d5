import type { Config } from 'jest';
import common from './jest.config.ts';

/** What asks real engines. They run already, and a file with their variables says where: see platform/testing/engines.ts. */
const config: Config = {
  ...common,
  roots: ['platform', 'services', 'test'],
  testMatch: ['**/*.live.test.ts'],
  testPathIgnorePatterns: [],
  testTimeout: 120_000,
};

export { config as default };
