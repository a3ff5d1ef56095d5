import { expect, test } from '@jest/globals';
import { contractFiles } from '#gen/contracts.ts';
import { contractFindings } from '../mesh/contract-rules.ts';

test('the contracts keep the rules of the house', () => {
  expect(contractFindings(contractFiles)).toEqual([]);
});
