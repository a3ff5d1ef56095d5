import { expect, test } from '@jest/globals';
import { contractFiles } from '#gen/contracts.ts';
import { contractFindings } from '../mesh/contracts/contract-rules.ts';
import { lint } from '../mesh/lint/lint.ts';
import { createModel } from '../mesh/model.ts';
import { rolesIn, shopRoles } from '../mesh/roles.ts';

test('the contracts keep the rules of the house', () => {
  expect(contractFindings(contractFiles)).toEqual([]);
});

test('the contracts keep the rules of the mesh', () => {
  const model = createModel(contractFiles);
  expect(lint({ model, files: contractFiles, roles: rolesIn(contractFiles, shopRoles) })).toEqual([]);
});
